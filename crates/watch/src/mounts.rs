//! Which file systems tell of changes, and which have to be asked.

use std::collections::HashMap;

/// Device number to file system type, as the kernel lists them. Empty where the system has no such list.
#[derive(Clone, Debug, Default)]
pub struct Mounts {
    by_device: HashMap<u64, String>,
}

impl Mounts {
    /// The mounts of this moment.
    pub fn now() -> Mounts {
        #[cfg(target_os = "linux")]
        {
            std::fs::read_to_string("/proc/self/mountinfo").map(|text| Mounts::parse(&text)).unwrap_or_default()
        }
        #[cfg(not(target_os = "linux"))]
        {
            Mounts::default()
        }
    }

    /// Reads `mountinfo` (proc_pid_mountinfo(5)): the third field is `major:minor`, the type follows ` - `.
    fn parse(text: &str) -> Mounts {
        let mut by_device = HashMap::new();
        for line in text.lines() {
            let Some((left, right)) = line.split_once(" - ") else { continue };
            let device = left.split(' ').nth(2).and_then(|d| d.split_once(':'));
            let (Some((major, minor)), Some(kind)) = (device, right.split(' ').next()) else { continue };
            if let (Ok(major), Ok(minor)) = (major.parse::<u64>(), minor.parse::<u64>()) {
                by_device.insert(device_number(major, minor), kind.to_owned());
            }
        }
        Mounts { by_device }
    }

    /// The name of the file system on this device, if it does not tell of changes that others make.
    pub fn silent(&self, device: u64) -> Option<&str> {
        self.by_device.get(&device).map(String::as_str).filter(|kind| is_silent(kind))
    }
}

/// glibc's `makedev`, which is what `st_dev` holds.
fn device_number(major: u64, minor: u64) -> u64 {
    ((major & 0xffff_f000) << 32) | ((major & 0xfff) << 8) | ((minor & 0xffff_ff00) << 12) | (minor & 0xff)
}

/// File systems whose other writers sit on another machine, or outside of this kernel.
fn is_silent(kind: &str) -> bool {
    const SILENT: [&str; 19] = [
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "lustre", "beegfs", "gpfs", "gfs2", "ocfs2",
        "9p", "virtiofs", "vboxsf", "prl_fs", "vmhgfs", "fuse",
    ];
    SILENT.contains(&kind) || kind.starts_with("fuse.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/root rw
40 35 0:45 / /home/me/share rw shared:2 - nfs4 host:/export rw,vers=4.2
41 35 0:300 / /home/me/ssh rw - fuse.sshfs me@host:/ rw
42 35 0:46 / /x rw - overlay overlay rw
broken line
";

    #[test]
    fn network_file_systems_are_silent() {
        let mounts = Mounts::parse(TEXT);
        assert_eq!(mounts.silent(device_number(98, 0)), None);
        assert_eq!(mounts.silent(device_number(0, 45)), Some("nfs4"));
        assert_eq!(mounts.silent(device_number(0, 300)), Some("fuse.sshfs"));
        assert_eq!(mounts.silent(device_number(0, 46)), None);
        assert_eq!(mounts.silent(device_number(7, 7)), None);
        assert!(!is_silent("fuseblk"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn device_numbers_are_those_of_stat() {
        use std::os::unix::fs::MetadataExt;
        let mounts = Mounts::now();
        let device = std::fs::metadata("/proc").unwrap().dev();
        assert_eq!(mounts.by_device.get(&device).map(String::as_str), Some("proc"));
    }
}
