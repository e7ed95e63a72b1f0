//! The difference between the pages of two related models is the lesson, so each test allows exactly that difference.
//!
//! Prose and the description of the model are excluded: they differ in every line that matters.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use similar::{ChangeTag, TextDiff};

/// The lines of the loop of accepting that serve a connection, comments aside.
const THREAD_LINES_MOST: usize = 1;
const FORK_LINES_MOST: usize = 6;

#[test]
fn the_prefork_pair_differs_in_the_worker_only() {
    let [blocking, looping] = ["server-prefork", "server-prefork-async"].map(|name| {
        let mut code = code_of_page(name);
        let worker = code
            .iter()
            .position(|line| line.starts_with("fn work("))
            .expect("a prefork model has its worker in the function work");
        let rest = code.split_off(worker + 1);
        assert!(
            !rest.iter().any(|line| line.starts_with("fn ")),
            "{name}: the worker comes last"
        );
        code
    });
    assert_eq!(blocking, looping);
}

/// One forks and the other spawns, for each connection. All else is the same, but for the word.
#[test]
fn the_thread_and_fork_pair_differs_in_serving_only() {
    let threads = code_of_page("server-thread");
    let in_other_words = |line: String| line.replace("Threads", "Children").replace("threads", "children");
    let threads: Vec<_> = threads.into_iter().map(in_other_words).collect();
    let children = code_of_page("server-fork");
    let accept = |code: &[String]| {
        code.iter()
            .position(|line| line.trim_start().starts_with("while let Some(connection)"))
            .expect("the page has its loop of accepting")
    };
    let after_loop = |code: &[String]| {
        code.iter()
            .position(|line| line == "    }")
            .expect("the loop of accepting ends")
    };
    let is_import = |line: &&String| line.starts_with("use serving::{");
    let without_imports =
        |code: &[String]| -> Vec<_> { code.iter().filter(|line| !is_import(line)).cloned().collect() };
    let imported = |code: &[String]| -> BTreeSet<_> {
        let lines: Vec<_> = code.iter().filter(is_import).collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        let names = lines[0]
            .trim_start_matches("use serving::{")
            .trim_end_matches("};");
        names.split(", ").map(str::to_owned).collect()
    };
    let mut may_import = imported(&threads);
    may_import.insert("Fork".to_owned());
    assert_eq!(may_import, imported(&children), "fork imports Fork too");
    for (code, lines_most) in [(&threads, THREAD_LINES_MOST), (&children, FORK_LINES_MOST)] {
        let lines = &code[accept(code) + 1..after_loop(code)];
        assert!(
            lines.len() <= lines_most,
            "more than {lines_most} lines serve a connection:\n{}",
            lines.join("\n")
        );
    }
    assert_eq!(
        without_imports(&threads[..=accept(&threads)]),
        without_imports(&children[..=accept(&children)]),
        "before a connection is served"
    );
    assert_eq!(
        threads[after_loop(&threads)..],
        children[after_loop(&children)..],
        "after the last connection"
    );
}

/// One runs a job on the spot, the other sends it to its pool and takes the outcomes. All else of the loop is the same.
#[test]
fn the_async_pair_differs_in_running_jobs_only() {
    const POOL_LINES: &[&str] = &[
        "let options = &flags.options;",
        "let restart = Restart::install()?;",
        "event_loop.wake_on_restart(&restart)?;",
        "let mut pool = Pool::start(flags.workers, flags.queue, event_loop.waker()?, stop)?;",
        "if restart.requested() {",
        "pool.restart();",
        "}",
        "for (connection, outcome) in pool.outcomes() {",
        "event_loop.finish(connection, outcome);",
        "}",
        "pool.submit(event_loop.waiter(connection), job);",
    ];
    const LOOP_LINES: &[&str] = &[
        "let outcome = serving::perform(job, stop);",
        "event_loop.finish(connection, outcome);",
    ];
    let [on_the_spot, in_pool] = differing_lines(["server-async", "server-async-pool"]);
    assert_eq!(on_the_spot, LOOP_LINES, "only the loop that runs jobs itself");
    assert_eq!(in_pool, POOL_LINES, "only the loop with a pool");
}

/// In one each worker accepts for itself, in the other the parent accepts for all. The loop of a worker is the same, but for
/// where its connections come from.
#[test]
fn the_worker_loop_pair_differs_in_who_accepts() {
    const WORKERS_ACCEPT: &[&str] = &[
        "let mut crew = Crew::listen(&flags.options, workers, &flags.accepting)?;",
        "while let Some(slot) = crew.vacancy()? {",
        "if crew.fork(slot)? == Fork::Child {",
        "return work(crew.into_worker(slot), flags.options.service());",
        "crew.drain()",
        "fn work(worker: Worker, service: Service) -> Result<()> {",
        "event_loop.listen(worker.listener.into_std(), worker.max_connections);",
        "while !event_loop.is_over() {",
        "event_loop.accept()?;",
    ];
    const PARENT_ACCEPTS: &[&str] = &[
        "let mut parent = Parent::listen(&flags.options, workers, &flags.supervision)?;",
        "loop {",
        "match parent.next()? {",
        "Next::Vacancy(slot) => {",
        "if parent.fork(slot)? == Fork::Child {",
        "return work(parent.into_worker(slot), flags.options.service());",
        "Next::Connection(connection) => parent.deal(connection),",
        "Next::Stop => return parent.drain(),",
        "}",
        "}",
        "fn work(mut worker: Worker, service: Service) -> Result<()> {",
        "event_loop.watch(&worker.inbox)?;",
        "while !(event_loop.is_over() && worker.inbox.has_ended()) {",
        "worker.inbox.deliver(&mut event_loop, &worker.supervisor);",
    ];
    let [workers, parent] = differing_lines(["server-prefork-async", "server-handoff"]);
    assert_eq!(workers, WORKERS_ACCEPT, "only where the workers accept");
    assert_eq!(parent, PARENT_ACCEPTS, "only where the parent accepts");
}

/// The lines from the function `run` on that only one of two pages has, for each. Without indentation.
fn differing_lines(names: [&str; 2]) -> [Vec<String>; 2] {
    let [one, other] = names.map(|name| {
        let code = code_of_page(name);
        let run = code
            .iter()
            .position(|line| line.starts_with("fn run("))
            .expect("the page has its loop in the function run");
        // Where a line is nested deeper, it is the same line.
        let lines: Vec<_> = code[run + 1..].iter().map(|line| line.trim()).collect();
        lines.join("\n") + "\n"
    });
    let diff = TextDiff::from_lines(&one, &other);
    [ChangeTag::Delete, ChangeTag::Insert].map(|tag| {
        let changes = diff.iter_all_changes().filter(|change| change.tag() == tag);
        changes.map(|change| change.value().trim().to_owned()).collect()
    })
}

/// One has a listener. The other has several loops, each on a thread with its own source of connections.
#[test]
fn one_loop_and_several_differ_around_the_loop_only() {
    const ONE: &[&str] = &[
        "let stop = Stop::install(options.drain_timeout)?;",
        "let (listener, stop) = Listener::open(options, stop)?.closing_at(stop);",
        "let mut event_loop = EventLoop::new(options.service(), stop)?;",
        "event_loop.listen(listener.to_std()?, options.max_connections());",
        "listener.announce()?;",
        "Ok(())",
    ];
    const SEVERAL: &[&str] = &[
        "let (options, accept) = (&flags.options, flags.accept);",
        "let listening = match accept {",
        "Accept::Deal | Accept::Shared => Listening::Shared,",
        "Accept::Reuseport => Listening::Reuseport,",
        "};",
        "let mut threads = ThreadPool::listen(options, flags.workers, listening, &flags.tally)?;",
        "let (mut dealer, inboxes) = Dealer::new(&threads);",
        "let service = options.service();",
        "threads.start(move |worker, listener| {",
        "let mut event_loop = EventLoop::new(service, worker.stop)?;",
        "match accept {",
        "Accept::Deal => event_loop.receive(inboxes[worker.slot].clone()),",
        "_ => event_loop.listen(listener.to_std()?, worker.max_connections),",
        "}",
        "let waker = event_loop.waker()?;",
        "Ok(Work::new(move || work(event_loop, worker)).woken_by(move || waker.wake()))",
        "})?;",
        "match accept {",
        "Accept::Deal => {",
        "while let Some(connection) = threads.accept_below_limit(|| dealer.open())? {",
        "dealer.deal(connection);",
        "}",
        "}",
        "_ => threads.supervise()?,",
        "}",
        "drop(dealer);",
        "threads.drain()",
        "}",
        "",
        "fn work(mut event_loop: EventLoop, worker: WorkerThread) -> Result<()> {",
        "let stop = worker.stop;",
        "worker.tally.append(event_loop.served())",
    ];
    let [one, several] = differing_lines(["server-async", "server-reactors"]);
    assert_eq!(one, ONE, "only where there is one loop");
    assert_eq!(several, SEVERAL, "only where there are several");
}

/// One starts a thread for each connection. The other has threads, and a queue to them.
#[test]
fn a_thread_each_and_a_pool_differ_in_the_threads() {
    const EACH: &[&str] = &[
        "let mut threads = Threads::one_per_connection(options)?;",
        "let stop = threads.stop();",
        "let listener = Listener::open(options, stop)?;",
        "listener.announce()?;",
        "while let Some(connection) = threads.accept(&listener)? {",
        "threads.spawn(connection, move |stream| serving::serve(stream, &service, stop))?;",
        "drop(listener);",
    ];
    const POOL: &[&str] = &[
        "let (options, accept) = (&flags.options, flags.accept);",
        "if let (Accept::Shared, Some(queue)) = (accept, flags.queue) {",
        "let problem = \"there is no queue with --accept shared; leave it out, or use --accept queue\";",
        "return Err(Error::flag(\"--queue <N>\", queue, problem));",
        "}",
        "let mut threads = ThreadPool::listen(options, flags.workers, Listening::Shared, &flags.tally)?;",
        "let places = flags.queue.map_or(threads.workers(), |n| n.get().into());",
        "let (queue, waiting) = bounded(places);",
        "threads.start(move |worker, listener| {",
        "let waiting = waiting.clone();",
        "let next = move |worker: &WorkerThread| match accept {",
        "Accept::Queue => Ok(worker.receive(&waiting)),",
        "Accept::Shared => worker.accept(listener),",
        "};",
        "Ok(Work::new(move || work(worker, next, &service)))",
        "})?;",
        "match accept {",
        "Accept::Queue => {",
        "while let Some(connection) = threads.accept(|| !queue.is_full())? {",
        "let _ = queue.send(connection);",
        "}",
        "Accept::Shared => threads.supervise()?,",
        "}",
        "drop(queue);",
        "",
        "fn work(",
        "worker: WorkerThread,",
        "next: impl Fn(&WorkerThread) -> Result<Option<Accepted>>,",
        "service: &Service,",
        ") -> Result<()> {",
        "let mut served = Served::default();",
        "while let Some(connection) = next(&worker)? {",
        "served.add(worker.serve(connection, service));",
        "}",
        "worker.tally.append(served)",
        "}",
    ];
    let [each, pool] = differing_lines(["server-thread", "server-pool"]);
    assert_eq!(each, EACH, "only where each connection has a thread");
    assert_eq!(pool, POOL, "only where threads are ready");
}

/// The lines of a model's page, without comments and without the constant that describes it.
fn code_of_page(name: &str) -> Vec<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = crates.join(name).join("src/main.rs");
    let page = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let mut in_description = false;
    let is_code = |line: &&str| {
        in_description |= line.starts_with("const MODEL: ");
        let is_code = !in_description && !line.trim_start().starts_with("//");
        in_description &= *line != "};";
        is_code
    };
    page.lines().filter(is_code).map(str::to_owned).collect()
}
