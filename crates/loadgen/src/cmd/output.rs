//! A file that a result goes to.

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

use super::Usage;

/// Where a result goes. Nothing is changed there before there is something to write.
#[derive(Debug)]
pub(crate) enum Output<'a> {
    Stdout,
    /// A device or a pipe, which is open from the start.
    Device(File, &'a Path),
    /// A plain file, which there may be or not.
    Plain(Plain<'a>),
}

#[derive(Debug)]
pub(crate) struct Plain<'a> {
    asked: &'a Path,
    /// The file itself, behind all links.
    path: PathBuf,
    /// Whether another file can take its place, so that nobody ever finds a part of a result.
    replaceable: bool,
}

impl<'a> Output<'a> {
    /// Makes sure that the file of this flag, if one was given, can be written.
    pub(crate) fn open_if_asked(flag: &str, path: Option<&'a Path>) -> Result<Option<Self>, Usage> {
        path.map(|path| {
            Self::open(path)
                .map_err(|error| Usage(format!("{flag} {} can't be written: {error}", path.display())))
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

    /// Whether what is written to both ends up in one place, and one of them is lost or runs into the other.
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

    /// Where it leads to now; an error for a file that is not there yet.
    fn metadata(&self) -> io::Result<fs::Metadata> {
        match self {
            Self::Stdout => File::from(io::stdout().as_fd().try_clone_to_owned()?).metadata(),
            Self::Device(file, _) => file.metadata(),
            Self::Plain(plain) => fs::metadata(&plain.path),
        }
    }

    /// Writes all of it.
    pub(crate) fn write(&self, text: &str) -> Result<()> {
        match self {
            Self::Plain(plain) if plain.replaceable => plain.replace(text),
            _ => self
                .begin()
                .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.flush())),
        }
        .with_context(|| self.fault())
    }

    /// The output as it is written piece by piece, empty at first.
    fn begin(&self) -> io::Result<Box<dyn Write>> {
        Ok(match self {
            Self::Stdout => Box::new(io::stdout()),
            Self::Device(file, _) => Box::new(file.try_clone()?),
            Self::Plain(plain) => Box::new(File::create(&plain.path)?),
        })
    }

    /// What could not be done.
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
    /// A file that can be written.
    fn check(asked: &'a Path) -> io::Result<Self> {
        let exists = asked.try_exists()?;
        let path = if exists {
            OpenOptions::new().write(true).open(asked)?;
            match asked.canonicalize() {
                // /dev/stdout may lead to a plain file, which others have open, or which has no name any more.
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

    /// A new file in its folder, which is removed again unless it is kept.
    fn beside(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new()
            .prefix(".loadgen-")
            // Less what the umask takes away, as for any new file.
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

/// Whether this is the null device: what is written there does not mix.
fn is_null(found: &fs::Metadata) -> bool {
    found.file_type().is_char_device()
        && fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == found.rdev())
}

/// Whether a path may lead to what a process has open.
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

/// A pipe with a name, once somebody reads from it. To open it blocks until then, and holds up a signal too.
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
                        "nobody reads from this pipe; start the reader first",
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

/// Writes to an output from the first byte on: what is there is left until then.
pub(crate) struct Begun<'a> {
    to: &'a Output<'a>,
    file: Option<Box<dyn Write>>,
}

impl<'a> Begun<'a> {
    pub(crate) fn lazily(to: &'a Output<'a>) -> Self {
        Self { to, file: None }
    }
}

impl Write for Begun<'_> {
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
