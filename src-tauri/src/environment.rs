//! What surrounds the program: where its data and the demo lie, and what WebKit must be told before it starts.

use std::path::{Path, PathBuf};

/// Must run before any other thread and before GTK: sets environment variables.
pub fn prepare() {
    #[cfg(target_os = "linux")]
    if std::env::var_os("WEBKIT_DISABLE_DMABUF_RENDERER").is_none() && !dmabuf_works(Path::new("/")) {
        // SAFETY: `main` calls this first, so no other thread reads the environment.
        #[allow(unsafe_code)]
        unsafe {
            std::env::set_var("WEBKIT_DISABLE_DMABUF_RENDERER", "1");
        }
    }
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
