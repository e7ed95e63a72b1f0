//! The files that results are written to.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tempfile::NamedTempFile;

use super::usage::Usage;

/// Where a result is written. Nothing is changed there before there is something to write.
#[derive(Debug)]
pub(crate) enum Output<'a> {
    Stdout,
    /// A device or a pipe, which is open from the start.
    Device(File, &'a Path),
    /// A regular file, which may not exist yet.
    Plain(Plain<'a>),
}

#[derive(Debug)]
pub(crate) struct Plain<'a> {
    asked: &'a Path,
    /// The file itself, with all links resolved.
    path: PathBuf,
    /// Whether the file can be replaced as a whole, so that no reader ever finds a part of a result.
    replaceable: bool,
}

impl<'a> Output<'a> {
    /// Checks that the file of this flag, if one was given, can be written.
    pub(crate) fn open_if_asked(flag: &str, path: Option<&'a Path>) -> Result<Option<Self>, Usage> {
        path.map(|path| {
            Self::open(path).map_err(|error| Usage(format!("can't write {flag} {}: {error}", path.display())))
        })
        .transpose()
    }

    fn open(path: &'a Path) -> io::Result<Self> {
        if path.as_os_str() == "-" {
            return Ok(Self::Stdout);
        }
        match fs::metadata(path) {
            Ok(found) if found.file_type().is_fifo() => Ok(Self::Device(open_pipe(path)?, path)),
            Ok(found) if !found.is_file() => {
                Ok(Self::Device(OpenOptions::new().write(true).open(path)?, path))
            }
            _ => Ok(Self::Plain(Plain::check(path)?)),
        }
    }

    /// Whether both are the same file, so that one would overwrite the other or mix with it.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        if let (Self::Plain(one), Self::Plain(other)) = (self, other)
            && one.path == other.path
        {
            return true;
        }
        let (Ok(one), Ok(other)) = (self.metadata(), other.metadata()) else {
            return false;
        };
        (one.dev(), one.ino()) == (other.dev(), other.ino()) && !is_null(&one)
    }

    /// What it refers to now; an error for a file that does not exist yet.
    fn metadata(&self) -> io::Result<fs::Metadata> {
        match self {
            Self::Stdout => File::from(io::stdout().as_fd().try_clone_to_owned()?).metadata(),
            Self::Device(file, _) => file.metadata(),
            Self::Plain(plain) => fs::metadata(&plain.path),
        }
    }

    /// Writes the whole text.
    pub(crate) fn write(&self, text: &str) -> Result<()> {
        match self {
            Self::Plain(plain) if plain.replaceable => plain.replace(text),
            _ => self
                .begin()
                .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.flush())),
        }
        .with_context(|| self.fault())
    }

    /// The output for writing piece by piece, empty at first.
    fn begin(&self) -> io::Result<Box<dyn Write>> {
        Ok(match self {
            Self::Stdout => Box::new(io::stdout()),
            Self::Device(file, _) => Box::new(file.try_clone()?),
            Self::Plain(plain) => Box::new(File::create(&plain.path)?),
        })
    }

    /// The message of an error.
    pub(crate) fn fault(&self) -> String {
        match self {
            Self::Stdout => "can't write to stdout".to_owned(),
            Self::Device(_, path) | Self::Plain(Plain { asked: path, .. }) => {
                format!("can't write {}", path.display())
            }
        }
    }
}

impl<'a> Plain<'a> {
    /// Checks that a regular file can be written.
    fn check(asked: &'a Path) -> io::Result<Self> {
        let exists = asked.try_exists()?;
        let path = if exists {
            OpenOptions::new().write(true).open(asked)?;
            match asked.canonicalize() {
                // /dev/stdout may refer to a regular file that others have open, or that has no name any more.
                Ok(path) if path == asked || !is_below_dev_or_proc(asked) => path,
                Err(error) if !is_below_dev_or_proc(asked) => return Err(error),
                _ => {
                    return Ok(Self {
                        asked,
                        path: asked.to_owned(),
                        replaceable: false,
                    });
                }
            }
        } else {
            let name = asked.file_name().ok_or(io::ErrorKind::IsADirectory)?;
            folder(asked).canonicalize()?.join(name)
        };
        let is_link = path.is_symlink();
        let mut plain = Self {
            asked,
            path,
            replaceable: false,
        };
        match plain.beside() {
            // A link to nothing stays a link.
            Ok(_) => plain.replaceable = !is_link,
            Err(_) if exists => {}
            Err(error) => return Err(error),
        }
        Ok(plain)
    }

    /// A new file in the same folder, which is removed unless it replaces this one.
    fn beside(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new()
            .prefix(".loadgen-")
            // The umask applies, as for any new file.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder(&self.path))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let mut file = self.beside()?;
        if let Ok(old) = fs::metadata(&self.path) {
            file.as_file().set_permissions(old.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.persist(&self.path)?;
        Ok(())
    }
}

/// Whether this is the null device, which may be given twice.
fn is_null(found: &fs::Metadata) -> bool {
    found.file_type().is_char_device()
        && fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == found.rdev())
}

/// Whether a path may refer to what a process has open.
fn is_below_dev_or_proc(path: &Path) -> bool {
    path.starts_with("/dev") || path.starts_with("/proc")
}

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Opens a named pipe, once it has a reader. A blocking open would wait until then, signals included.
fn open_pipe(path: &Path) -> io::Result<File> {
    const READER_WITHIN: Duration = Duration::from_secs(2);
    let began = Instant::now();
    let file = loop {
        let opened = OpenOptions::new()
            .write(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(path);
        match opened {
            Err(error) if error.raw_os_error() == Some(nix::libc::ENXIO) => {
                if began.elapsed() > READER_WITHIN {
                    return Err(io::Error::other(
                        "no process reads from this pipe; start the reader first",
                    ));
                }
                thread::sleep(Duration::from_millis(10));
            }
            other => break other?,
        }
    };
    fcntl(&file, FcntlArg::F_SETFL(OFlag::empty()))?;
    Ok(file)
}

/// Opens an output with the first byte that is written. Until then the file keeps its content.
pub(crate) struct Lazy<'a> {
    to: &'a Output<'a>,
    file: Option<Box<dyn Write>>,
}

impl<'a> Lazy<'a> {
    pub(crate) fn new(to: &'a Output<'a>) -> Self {
        Self { to, file: None }
    }
}

impl Write for Lazy<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(self.to.begin()?),
        };
        file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}
