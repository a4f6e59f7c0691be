//! What this process costs, for the status bar: CPU share and memory, from /proc.

use std::time::Instant;

/// Measures CPU use between looks.
pub(crate) struct Meter {
    at: Instant,
    cpu_seconds: f64,
}

impl Meter {
    pub fn start() -> Self {
        Self { at: Instant::now(), cpu_seconds: cpu_seconds().unwrap_or(0.0) }
    }

    /// Percent of one core since the last look; 0 where the system does not tell.
    pub fn percent(&mut self) -> f64 {
        let now = Instant::now();
        let cpu = cpu_seconds().unwrap_or(self.cpu_seconds);
        let wall = now.duration_since(self.at).as_secs_f64();
        let percent = if wall > 0.0 { (cpu - self.cpu_seconds) / wall * 100.0 } else { 0.0 };
        self.at = now;
        self.cpu_seconds = cpu;
        percent.max(0.0)
    }
}

/// User and system time of this process, in seconds (proc(5): utime and stime of /proc/self/stat, 100 ticks a second).
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / 100.0)
}

/// Resident bytes; 0 where the system does not tell.
pub(crate) fn memory_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|s| s.split_whitespace().nth(1).and_then(|p| p.parse::<u64>().ok()));
    pages.unwrap_or(0) * 4096
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_a_size_and_takes_time() {
        assert!(memory_bytes() > 1 << 20);
        let mut meter = Meter::start();
        let mut x = 0u64;
        let begin = Instant::now();
        while begin.elapsed().as_millis() < 60 {
            x = x.wrapping_mul(31).wrapping_add(1);
        }
        assert!(std::hint::black_box(x) != 7);
        assert!(meter.percent() > 1.0);
    }
}
