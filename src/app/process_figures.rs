//! Figures of the operating system about this process.

use crate::telemetry::metrics::figures::Figures;

/// Adds the figures. Adds nothing on a system without `/proc`.
#[cfg(target_os = "linux")]
pub(super) fn add(figures: &mut Figures) {
    // Unreadable values are omitted, because the other metrics matter more than an error.
    let _ = read(figures);
}

#[cfg(not(target_os = "linux"))]
pub(super) fn add(_: &mut Figures) {}

#[cfg(target_os = "linux")]
#[expect(clippy::cast_precision_loss, reason = "clock ticks stay below 2^53")]
fn read(figures: &mut Figures) -> Result<(), procfs::ProcError> {
    use procfs::process::{LimitValue, Process};

    use crate::telemetry::metrics::definitions as names;

    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let process = Process::myself()?;
    let stat = process.stat()?;
    let ticks = procfs::ticks_per_second();
    let cpu_ticks = stat.utime.saturating_add(stat.stime);
    figures.add_fraction(&names::PROCESS_CPU, cpu_ticks as f64 / ticks as f64);
    let memory = stat.rss.saturating_mul(procfs::page_size());
    figures.add(&names::PROCESS_MEMORY, count(memory));
    figures.add(&names::PROCESS_VIRTUAL, count(stat.vsize));
    figures.add(&names::PROCESS_THREADS, usize::try_from(stat.num_threads).unwrap_or(0));
    figures.add(&names::PROCESS_FDS, process.fd_count()?);
    if let LimitValue::Value(limit) = process.limits()?.max_open_files.soft_limit {
        figures.add(&names::PROCESS_MAX_FDS, count(limit));
    }
    let started = procfs::boot_time_secs()?.saturating_add(stat.starttime / ticks.max(1));
    figures.add(&names::PROCESS_START, count(started));
    Ok(())
}
