//! Facts about the machine. They go beside timings, never into anything that results depend on.

use serde::Serialize;

/// What a speed should be read against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// Processor model as the system names it; its architecture where the system does not say.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Operating system.
    pub os: &'static str,
}

impl Host {
    /// Asks the system.
    pub fn detect() -> Self {
        let model = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| cpu_model(&text));
        Self {
            cpu: model.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            os: std::env::consts::OS,
        }
    }
}

/// Memory of this process that is in use now, where the system tells (Linux).
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn cpu_model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_processor_model() {
        let text = "processor\t: 0\nmodel name\t: Example 9000 @ 3.0GHz\nmodel name\t: other\n";
        assert_eq!(cpu_model(text).as_deref(), Some("Example 9000 @ 3.0GHz"));
        assert_eq!(cpu_model("processor: 0\n"), None);
        assert!(Host::detect().cores >= 1);
        assert!(resident_bytes().is_none_or(|bytes| bytes > 100_000));
    }
}
