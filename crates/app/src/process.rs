//! What this process costs, for the status bar: CPU share and memory, from /proc.

use std::time::Instant;

/// Measures CPU use between looks.
pub(crate) struct Meter {
    at: Instant,
    cpu_seconds: f64,
    percent: f64,
}

/// Looks within less than this share one.
const LEAST: f64 = 0.9;
/// Of what is shown, so much is forgotten within this many seconds that 1/e is left: a figure that jumps with
/// every second's work is hard to read.
const MEMORY_SECS: f64 = 4.0;

impl Meter {
    pub fn start() -> Self {
        Self { at: Instant::now(), cpu_seconds: cpu_seconds().unwrap_or(0.0), percent: 0.0 }
    }

    /// Percent of one core lately, to a tenth; 0 where the system does not tell.
    pub fn percent(&mut self) -> f64 {
        let now = Instant::now();
        let wall = now.duration_since(self.at).as_secs_f64();
        if wall > LEAST {
            let cpu = cpu_seconds().unwrap_or(self.cpu_seconds);
            let newest = ((cpu - self.cpu_seconds) / wall * 100.0).max(0.0);
            self.percent += (newest - self.percent) * (1.0 - (-wall / MEMORY_SECS).exp());
            (self.at, self.cpu_seconds) = (now, cpu);
        }
        (self.percent * 10.0).round() / 10.0
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
        while begin.elapsed().as_secs_f64() < LEAST + 0.05 {
            x = x.wrapping_mul(31).wrapping_add(1);
        }
        assert!(std::hint::black_box(x) != 7);
        let percent = meter.percent();
        assert!(percent > 1.0, "{percent}");
        assert_eq!(meter.percent().to_bits(), percent.to_bits(), "a second look at once");
    }
}
