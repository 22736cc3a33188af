//! The threads: one runtime, one service and one set of listeners each.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio_util::sync::CancellationToken;

use super::bind::Bound;
use super::tls::Terms;
use super::{Limits, Service, Tally, said, serve};

/// The running workers.
#[derive(Debug)]
pub struct Workers {
    threads: Vec<thread::JoinHandle<io::Result<()>>>,
    tallies: Vec<Arc<Tally>>,
}

/// A worker ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// A fault of ours outside of any connection.
    #[error("worker {worker} panicked: {said}")]
    Panicked {
        /// Which, from 0.
        worker: usize,
        /// What the panic said.
        said: String,
    },
    /// Its runtime did not work.
    #[error("worker {worker} could not go on")]
    Failed {
        /// Which, from 0.
        worker: usize,
        /// The system's word.
        source: io::Error,
    },
}

impl Workers {
    /// Starts a thread for each worker of `bound`; `make_service` is called in each of them, on its runtime.
    ///
    /// Whichever worker ends, by a panic too, cancels `shutdown`: a gateway that lost a worker starts anew, since it
    /// would otherwise leave connections unanswered. So wait for `shutdown`, then [`join`](Self::join).
    ///
    /// # Errors
    /// If a thread or its runtime cannot be made; those that could are told to stop.
    pub fn spawn<S: Service>(
        bound: Bound,
        tls: Option<&Arc<Terms>>,
        shutdown: &CancellationToken,
        limits: &Limits,
        make_service: impl Fn(usize) -> S + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let make_service = Arc::new(make_service);
        let mut workers = Self {
            threads: Vec::new(),
            tallies: Vec::new(),
        };
        let stop_on_error = shutdown.clone().drop_guard();
        for (index, listeners) in bound.into_workers().into_iter().enumerate() {
            let tally = Arc::<Tally>::default();
            workers.tallies.push(Arc::clone(&tally));
            let (tls, shutdown, limits) = (tls.cloned(), shutdown.clone(), limits.clone());
            let make_service = Arc::clone(&make_service);
            let (started, starts) = mpsc::sync_channel(1);
            let thread = thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || {
                    let _ends_all = shutdown.clone().drop_guard();
                    let runtime = match runtime() {
                        Ok(runtime) => runtime,
                        Err(error) => {
                            // Only this thread's parent listens, and it waits.
                            let _ = started.send(Err(error));
                            return Ok(());
                        }
                    };
                    let _ = started.send(Ok(()));
                    runtime.block_on(async {
                        let service = make_service(index);
                        serve(listeners, service, tls, shutdown, limits, tally).await
                    })
                })?;
            workers.threads.push(thread);
            starts
                .recv()
                .unwrap_or_else(|_| Err(io::Error::other("the worker ended at once")))?;
        }
        stop_on_error.disarm();
        Ok(workers)
    }

    /// What each worker counts.
    pub fn tallies(&self) -> &[Arc<Tally>] {
        &self.tallies
    }

    /// Waits until all have ended; blocks the thread. Requests in progress at the shutdown have 30 s.
    ///
    /// # Errors
    /// [`Lost`] for the first worker that did not end by the shutdown; every one is logged.
    pub fn join(self) -> Result<(), Lost> {
        let mut first = Ok(());
        for (worker, thread) in self.threads.into_iter().enumerate() {
            let lost = match thread.join() {
                Ok(Ok(())) => continue,
                Ok(Err(source)) => Lost::Failed { worker, source },
                Err(panic) => Lost::Panicked {
                    worker,
                    said: said(&*panic).to_owned(),
                },
            };
            tracing::error!(error = %lost, "a worker was lost");
            first = first.and(Err(lost));
        }
        first
    }
}

fn runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build_local(LocalOptions::default())
}
