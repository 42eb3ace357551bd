//! What a run takes of its machine, as figures for the log: memory, CPU cores, a GPU's memory and time.

use std::time::{Duration, Instant};

use idiom_torch_ext::{accelerator_memory, process_cpu_time, process_memory};
use nvml_wrapper::Nvml;
use tch::Device;

use crate::TrainError;

/// The machine, as this process sees it.
pub(crate) struct Machine {
    device: Device,
    /// When the figures were last taken, and the CPU time of this process until then.
    last: Option<(Instant, Duration)>,
    driver: Option<Nvml>,
}

impl Machine {
    /// The machine with the device that the run computes on. NVIDIA's driver library is opened only where that is a GPU.
    pub(crate) fn with(device: Device) -> Self {
        Self {
            device,
            last: process_cpu_time().map(|time| (Instant::now(), time)),
            driver: device.is_cuda().then(|| Nvml::init().ok()).flatten(),
        }
    }

    /// Resident memory in MiB and CPU cores kept busy since the figures were last taken; of a GPU, memory in MiB and the share of its time in
    /// per cent in which it computed, for whomever. What the machine does not tell is left out.
    ///
    /// # Errors
    /// What libtorch throws of its allocator.
    pub(crate) fn figures(&mut self) -> Result<Vec<(&'static str, f64)>, TrainError> {
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let memory = process_memory();
        let mut figures: Vec<_> = (memory.iter())
            .map(|memory| ("memory/rss_mb", mebibytes(memory.resident_bytes)))
            .collect();
        figures.extend(self.cores().map(|cores| ("system/cpu_cores", cores)));
        if let Device::Cuda(idx) = self.device {
            let memory = accelerator_memory(idx)?;
            figures.extend([
                ("memory/device_mb", mebibytes(memory.in_use_bytes)),
                ("memory/device_peak_mb", mebibytes(memory.peak_bytes)),
                (
                    "memory/device_reserved_mb",
                    mebibytes(memory.reserved_bytes),
                ),
            ]);
        }
        let use_of_gpu = self.driver.as_ref().and_then(gpu_percent);
        figures.extend(use_of_gpu.map(|percent| ("system/gpu_percent", percent)));
        Ok(figures)
    }

    fn cores(&mut self) -> Option<f64> {
        let (now, time) = (Instant::now(), process_cpu_time()?);
        let (then, before) = self.last.replace((now, time))?;
        let taken = time.saturating_sub(before).as_secs_f64();
        Some(taken / (now - then).as_secs_f64().max(1e-3))
    }
}

/// Per cent of the last moment in which the GPU of this process computed. Which one that is, the driver says by the processes on it: its
/// own numbers are not those that a process sees. In a container it may not know them; then only a single GPU is certain.
fn gpu_percent(driver: &Nvml) -> Option<f64> {
    let n = driver.device_count().ok()?;
    let own = std::process::id();
    let is_own = |idx: &u32| {
        let device = driver.device_by_index(*idx);
        let processes = device.and_then(|device| device.running_compute_processes());
        processes.is_ok_and(|all| all.iter().any(|process| process.pid == own))
    };
    let idx = (0..n).find(is_own).or_else(|| (n == 1).then_some(0))?;
    let used = driver.device_by_index(idx).ok()?.utilization_rates().ok()?;
    Some(f64::from(used.gpu))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_cpu_time_over_time() {
        let outer = (Instant::now(), process_cpu_time().unwrap());
        let mut machine = Machine::with(Device::Cpu);
        let mut sum = 0_u64;
        while process_cpu_time().unwrap() - outer.1 < Duration::from_millis(300) {
            sum = std::hint::black_box(sum + 1);
        }
        let figures = machine.figures().unwrap();
        let names: Vec<_> = figures.iter().map(|(key, _)| *key).collect();
        assert_eq!(names, ["memory/rss_mb", "system/cpu_cores"]);
        // The clock and the kernel's count, read once more around it; both count in steps of 10 ms, other tests' threads included.
        let taken = (process_cpu_time().unwrap() - outer.1).as_secs_f64();
        let expected = taken / outer.0.elapsed().as_secs_f64();
        let (megabytes, cores) = (figures[0].1, figures[1].1);
        assert!((cores / expected - 1.0).abs() < 0.3, "{cores} {expected}");
        assert!(megabytes > 1.0, "{figures:?}");
        // The next figure is of the time since this one, not since the start.
        std::thread::sleep(Duration::from_millis(50));
        let (then, _) = machine.last.unwrap();
        machine.figures().unwrap();
        assert!(machine.last.unwrap().0 - then >= Duration::from_millis(50));
    }
}
