//! The buffer between the log and standard error. A separate thread writes it, so a request never
//! waits for the reader of the log.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The maximum number of buffered bytes. Further lines are dropped.
const MAX_BUFFERED_BYTES: usize = 4 << 20;

/// The time for which the thread collects lines. Under load it wakes once in this time and writes
/// all of them together. Waking it for each line would cost more than the line.
const GATHER_TIME: Duration = Duration::from_millis(10);

/// Lines that wait to be written, in bounded memory.
#[derive(Debug)]
pub(super) struct LineBuffer {
    waiting: Mutex<Waiting>,
    /// Wakes the writer thread.
    filled: Condvar,
    /// Wakes threads that wait until everything is written.
    emptied: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug)]
struct Waiting {
    lines: Vec<u8>,
    /// The number of lines that were dropped since the last batch.
    dropped: u64,
    state: WriterState,
    /// True if a thread waits until everything is written.
    is_urgent: bool,
}

/// State of the writer thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriterState {
    /// Not running: lines are not buffered.
    Absent,
    /// Waiting for the first line.
    Idle,
    /// Woken or writing.
    Busy,
}

impl LineBuffer {
    /// Creates an empty buffer without a thread.
    pub(super) const fn new() -> Self {
        let state = WriterState::Absent;
        let waiting = Waiting { lines: Vec::new(), dropped: 0, state, is_urgent: false };
        Self {
            waiting: Mutex::new(waiting),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            dropped: AtomicU64::new(0),
        }
    }

    /// Starts the thread that writes to `sink`.
    ///
    /// # Errors
    /// If the system cannot create a thread. [`Self::push`] then accepts nothing.
    pub(super) fn start(&'static self, sink: impl Write + Send + 'static) -> std::io::Result<()> {
        let mut waiting = self.lock();
        if waiting.state != WriterState::Absent {
            return Ok(());
        }
        std::thread::Builder::new().name("log".to_owned()).spawn(move || self.write_to(sink))?;
        waiting.state = WriterState::Busy;
        Ok(())
    }

    /// Buffers a line, or drops and counts it if the buffer is full. False without a thread, so
    /// that the caller writes the line.
    pub(super) fn push(&self, line: &[u8]) -> bool {
        let mut waiting = self.lock();
        if waiting.state == WriterState::Absent {
            return false;
        }
        if waiting.lines.len() + line.len() > MAX_BUFFERED_BYTES {
            waiting.dropped += 1;
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        waiting.lines.extend_from_slice(line);
        if waiting.state == WriterState::Idle {
            waiting.state = WriterState::Busy;
            drop(waiting);
            self.filled.notify_one();
        }
        true
    }

    /// Returns how many lines were dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until all lines are written, for at most `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let end = Instant::now() + limit;
        let mut waiting = self.lock();
        while waiting.state == WriterState::Busy {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            waiting.is_urgent = true;
            self.filled.notify_one();
            let woken = self.emptied.wait_timeout(waiting, left);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Writes all batches until the process ends.
    fn write_to(&self, mut sink: impl Write) {
        let mut batch = Vec::new();
        loop {
            let dropped = self.next_batch(&mut batch);
            // A process whose standard error is closed has no log.
            let _ = sink.write_all(&batch);
            let _ = sink.flush();
            batch.clear();
            batch.shrink_to(MAX_BUFFERED_BYTES / 16);
            if dropped > 0 {
                tracing::warn!(
                    lines = dropped,
                    "lines of the log were dropped, because standard error was not read in time"
                );
            }
        }
    }

    /// Waits for lines and takes all of them. Returns how many were dropped meanwhile.
    fn next_batch(&self, batch: &mut Vec<u8>) -> u64 {
        let mut waiting = self.lock();
        while waiting.lines.is_empty() {
            waiting.state = WriterState::Idle;
            waiting.is_urgent = false;
            self.emptied.notify_all();
            waiting = self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.state = WriterState::Busy;
        let is_full = |waiting: &Waiting| waiting.lines.len() > MAX_BUFFERED_BYTES / 2;
        if !waiting.is_urgent && !is_full(&waiting) {
            let gathering = self.filled.wait_timeout(waiting, GATHER_TIME);
            waiting = gathering.unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::swap(&mut waiting.lines, batch);
        std::mem::take(&mut waiting.dropped)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A sink of which each write waits for a permit.
    struct SlowSink {
        written: Arc<Mutex<Vec<u8>>>,
        permits: Receiver<()>,
    }

    impl Write for SlowSink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.permits.recv().map_err(std::io::Error::other)?;
            self.written.lock().expect("a lock").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn started() -> (&'static LineBuffer, Arc<Mutex<Vec<u8>>>, Sender<()>) {
        let buffer: &'static LineBuffer = Box::leak(Box::new(LineBuffer::new()));
        let (permit, permits) = channel();
        let written = Arc::default();
        buffer.start(SlowSink { written: Arc::clone(&written), permits }).expect("a thread");
        (buffer, written, permit)
    }

    #[test]
    fn lines_are_written_in_their_order() {
        let (buffer, written, permit) = started();
        let mut expected = Vec::new();
        for number in 0..1000 {
            let line = format!("line {number}\n");
            assert!(buffer.push(line.as_bytes()));
            expected.extend_from_slice(line.as_bytes());
            permit.send(()).expect("a writer");
        }
        buffer.flush(Duration::from_mins(2));
        assert_eq!(*written.lock().expect("a lock"), expected);
        assert_eq!(buffer.dropped(), 0);
    }

    /// No thread waits for a reader that has stopped reading. Lines that do not fit are counted.
    #[test]
    fn a_blocked_reader_drops_lines_and_blocks_no_writer() {
        let (buffer, written, permit) = started();
        let line = [b'x'; 1 << 10];
        let pushed = 4 * MAX_BUFFERED_BYTES / line.len();
        for _ in 0..pushed {
            assert!(buffer.push(&line));
        }
        // One batch may be in the thread, and another one in the buffer.
        let kept = 2 * MAX_BUFFERED_BYTES / line.len();
        let dropped = usize::try_from(buffer.dropped()).expect("small");
        assert!(dropped >= pushed - kept, "{dropped} of {pushed}");
        buffer.flush(Duration::from_millis(10));
        for _ in 0..3 {
            permit.send(()).expect("a writer");
        }
        buffer.flush(Duration::from_mins(2));
        let written = written.lock().expect("a lock").len();
        assert_eq!(written, (pushed - dropped) * line.len(), "the others are written");
    }

    #[test]
    fn without_a_thread_nothing_is_taken() {
        let buffer = LineBuffer::new();
        assert!(!buffer.push(b"a line\n"));
        buffer.flush(Duration::from_mins(2));
    }
}
