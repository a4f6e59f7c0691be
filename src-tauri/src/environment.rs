//! What surrounds the program: where its data and the demo lie, and what WebKit must be told before it starts.

#[cfg(target_os = "linux")]
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A voice of the Flite speech synthesizer, which Debian's WebKit links. It was built so that 31,000 names of its own
/// are looked up when it is loaded, each through all of the 150 libraries before it: 40 ms of every process's start,
/// before `main`. Searched first it takes 2 ms. `build.rs` moves it forward in this program; for WebKit's own processes
/// the loader's LD_PRELOAD does.
#[cfg(target_os = "linux")]
const SLOW_LIBRARY: &str = "libflite_cmu_time_awb.so.1";

/// Must run before any other thread and before GTK: sets environment variables.
pub fn prepare() {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: `main` calls this first, so no other thread reads the environment.
        #[allow(unsafe_code)]
        let set = |name: &str, value: &OsStr| unsafe { std::env::set_var(name, value) };
        if std::env::var_os("WEBKIT_DISABLE_DMABUF_RENDERER").is_none() && !dmabuf_works(Path::new("/")) {
            set("WEBKIT_DISABLE_DMABUF_RENDERER", "1".as_ref());
        }
        // Where it is not part of this process, WebKit does not need it, and it may not exist.
        if std::fs::read("/proc/self/maps").is_ok_and(|maps| is_mapped(&maps, SLOW_LIBRARY)) {
            let before = std::env::var_os("LD_PRELOAD").unwrap_or_default();
            // For programs that are no part of WebKit: a model server has no use for a voice.
            set(signalbox_app::PRELOAD_BEFORE, &before);
            set("LD_PRELOAD", &preload_also(Some(before), SLOW_LIBRARY));
        }
    }
}

/// Whether a file whose name begins like `library` (without its version) is among proc(5)'s `maps`.
#[cfg(target_os = "linux")]
fn is_mapped(maps: &[u8], library: &str) -> bool {
    let (stem, _version) = library.split_once(".so").expect("BUG: a shared library's name");
    let wanted = format!("/{stem}.so");
    maps.windows(wanted.len()).any(|part| part == wanted.as_bytes())
}

/// ld.so(8)'s list: what it held stays, and comes first.
#[cfg(target_os = "linux")]
fn preload_also(before: Option<OsString>, library: &str) -> OsString {
    let mut list = before.unwrap_or_default();
    if !list.is_empty() {
        list.push(":");
    }
    list.push(library);
    list
}

/// WebKitGTK's DMABUF renderer needs a GPU to draw on; without one it is five times slower than the plain one, and
/// with NVIDIA's own driver windows stay blank.
#[cfg(target_os = "linux")]
fn dmabuf_works(root: &Path) -> bool {
    let render_node = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("renderD");
    let has_gpu = std::fs::read_dir(root.join("dev/dri")).is_ok_and(|dir| dir.flatten().any(render_node));
    has_gpu && !root.join("proc/driver/nvidia/version").exists()
}

/// Where our own data lie: `SIGNALBOX_DATA_DIR`, or the system's place for them.
pub fn data_dir() -> Option<PathBuf> {
    signalbox_app::data_dir()
}

/// The demo project, if it came along.
pub fn demo_path() -> Option<PathBuf> {
    signalbox_app::demo_path()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_found_among_the_maps() {
        let maps = b"7f17-7f18 r-xp 00000000 fe:00 12 /usr/lib/libflite_cmu_time_awb.so.2.2\n7f18-7f19 r-xp 0 fe:00 13 /usr/lib/libz.so.1\n";
        assert!(is_mapped(maps, SLOW_LIBRARY));
        assert!(is_mapped(maps, "libz.so.1"));
        assert!(!is_mapped(maps, "libflite.so.1"));
        assert!(!is_mapped(b"", SLOW_LIBRARY));
        let own = std::fs::read("/proc/self/maps").expect("proc");
        assert!(is_mapped(&own, "libc.so.6"));
    }

    #[test]
    fn what_was_preloaded_stays() {
        assert_eq!(preload_also(None, "libz.so.1"), "libz.so.1");
        assert_eq!(preload_also(Some("liba.so libb.so".into()), "libz.so.1"), "liba.so libb.so:libz.so.1");
    }

    #[test]
    fn dmabuf_needs_a_gpu_that_is_not_nvidias() {
        let root = std::env::temp_dir().join(format!("signalbox-gpu-{}", std::process::id()));
        assert!(!dmabuf_works(&root));
        std::fs::create_dir_all(root.join("dev/dri")).expect("a folder");
        std::fs::write(root.join("dev/dri/card0"), "").expect("a file");
        assert!(!dmabuf_works(&root));
        std::fs::write(root.join("dev/dri/renderD128"), "").expect("a file");
        assert!(dmabuf_works(&root));
        std::fs::create_dir_all(root.join("proc/driver/nvidia")).expect("a folder");
        std::fs::write(root.join("proc/driver/nvidia/version"), "").expect("a file");
        assert!(!dmabuf_works(&root));
        std::fs::remove_dir_all(root).expect("removed");
    }
}
