//! What this process takes: memory and CPU time, from `/proc`, and an accelerator's memory, from libtorch's allocator.

use crate::{TorchError, ffi};
use std::fs;
use std::time::Duration;

/// Resident memory of this process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessMemory {
    /// Resident now.
    pub resident_bytes: u64,
    /// The most that was ever resident.
    pub peak_bytes: u64,
}

/// Memory that libtorch's allocator holds on an accelerator, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceleratorMemory {
    /// Held by live tensors.
    pub in_use_bytes: u64,
    /// The most that live tensors ever held.
    pub peak_bytes: u64,
    /// Taken from the driver.
    pub reserved_bytes: u64,
}

/// What `/proc/self/status` says, or `None` where it cannot be read (no Linux).
#[must_use]
pub fn process_memory() -> Option<ProcessMemory> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    Some(ProcessMemory {
        resident_bytes: kibibytes_of(&status, "VmRSS:")? * 1024,
        peak_bytes: kibibytes_of(&status, "VmHWM:")? * 1024,
    })
}

/// CPU time that this process has taken in all its threads, in steps of 10 ms; what `/proc/self/stat` says, or `None` where it cannot be
/// read (no Linux).
#[must_use]
pub fn process_cpu_time() -> Option<Duration> {
    ticks_of(&fs::read_to_string("/proc/self/stat").ok()?)
        .map(|ticks| Duration::from_millis(10 * ticks))
}

/// User and system time in clock ticks, of which Linux counts 100 a second for all programs; they stand 12th and 13th after the program's
/// name, which may itself hold brackets.
fn ticks_of(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Tells the C library to keep the memory of freed tensors for the next ones instead of giving it back to the system. A training step
/// allocates and frees the same sizes over and over; without this, one tenth of the CPU time goes into clearing fresh pages. Call
/// it once, before the first step.
///
/// # Errors
/// The C library refuses its thresholds.
pub fn keep_freed_memory() -> Result<(), TorchError> {
    ffi::keep_freed_memory()
}

/// Lets tensors on the CPU take so many bytes more than they hold now; what goes beyond is an error, not the end of the process. Linux
/// promises memory that it does not have, so without this a batch that is too large is answered by a kill. It holds for the whole process,
/// until it is set anew; tensors made before the first call are not counted.
///
/// # Errors
/// libtorch refuses the allocator.
pub fn bound_tensors(further_bytes: u64) -> Result<(), TorchError> {
    ffi::bound_tensors(further_bytes)
}

/// Bytes that this process can still take: what the machine has left, swap included, or what its container allows, whichever is less. `None`
/// where the system does not say.
#[must_use]
pub fn memory_left() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok()?;
    let of = |key| kibibytes_of(&machine, key).map(|n| n * 1024);
    let machine = of("MemAvailable:")? + of("SwapFree:").unwrap_or_default();
    Some(container_left().map_or(machine, |left| left.min(machine)))
}

/// What the control group allows beyond what is in use; files that the kernel can drop do not count as used.
fn container_left() -> Option<u64> {
    let most: u64 = read_number("/sys/fs/cgroup/memory.max")?;
    let stat = fs::read_to_string("/sys/fs/cgroup/memory.stat").ok()?;
    let in_use = stat.lines().find_map(|line| line.strip_prefix("anon "))?;
    Some(most.saturating_sub(in_use.trim().parse().ok()?))
}

/// `None` where the file is missing or says `max`.
fn read_number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The memory of CUDA device `device_idx`.
///
/// # Errors
/// libtorch throws where there is no accelerator.
pub fn accelerator_memory(device_idx: usize) -> Result<AcceleratorMemory, TorchError> {
    let [in_use, peak, reserved] =
        ffi::accelerator_memory(i32::try_from(device_idx).unwrap_or(i32::MAX))?;
    let bytes = |count: i64| u64::try_from(count).unwrap_or(0);
    Ok(AcceleratorMemory {
        in_use_bytes: bytes(in_use),
        peak_bytes: bytes(peak),
        reserved_bytes: bytes(reserved),
    })
}

fn kibibytes_of(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{kibibytes_of, process_cpu_time, process_memory, ticks_of};

    #[test]
    fn a_field_is_read_in_kibibytes() {
        assert_eq!(
            kibibytes_of("Name:\tx\nVmRSS:\t   1234 kB\n", "VmRSS:"),
            Some(1234)
        );
        assert_eq!(kibibytes_of("Name:\tx\n", "VmRSS:"), None);
    }

    #[test]
    fn cpu_time_is_that_of_program_and_system_together() {
        let stat = "7 (a) b) R 1 7 7 0 -1 4194304 100 0 0 0 123 45 0 0 20 0 4 0 9 1 2";
        assert_eq!(ticks_of(stat), Some(168));
        assert_eq!(ticks_of("7 (a) R 1"), None);
        assert!(process_cpu_time().is_some());
    }

    #[test]
    fn the_peak_is_at_least_what_is_resident_now() {
        let memory = process_memory().expect("a Linux machine");
        assert!(memory.peak_bytes >= memory.resident_bytes && memory.resident_bytes > 1 << 20);
    }
}
