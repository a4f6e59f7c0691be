//! Pictures that `mlflow.log_image(image, key=, step=)` put among a run's artifacts. No store lists them: they are their
//! files' names, and found when somebody looks.
//!
//! `MlflowClient.log_image` (mlflow 3.17) writes each twice, whole and small:
//! `images/KEY+step+STEP+timestamp+MILLISECONDS+UUID.png` and `…+compressed.webp`; before, `%` stood for `+`. A key's `/`
//! is written as `~`, before as `#`; a key itself has none of these.

use std::fs;
use std::path::Path;

use crate::place;

/// The tag of a run that has some.
pub const LOGGED_IMAGES: &str = "mlflow.loggedImages";
/// Below the run's artifacts.
const DIRECTORY: &str = "images";
/// More are not looked at.
const MAX_IMAGES: usize = 50_000;

/// One picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedImage {
    pub key: String,
    pub step: i64,
    /// Unix milliseconds.
    pub millis: i64,
    /// Its file, below the run's artifacts.
    pub path: String,
}

/// The pictures of a run by key, step, time and name. `artifacts`: the run's, relative to the project; what leads out of
/// that has none, and neither has what cannot be listed.
pub fn logged_images(project: &Path, artifacts: &Path) -> Vec<LoggedImage> {
    let directory = project.join(artifacts).join(DIRECTORY);
    if !place::stays_inside(project, &directory) {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir(&directory) else { return Vec::new() };
    let files = entries.flatten().take(MAX_IMAGES).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut images: Vec<LoggedImage> = files.filter_map(|file| parse(file.file_name().to_str()?)).collect();
    images.sort_by(|a, b| (&a.key, a.step, a.millis, &a.path).cmp(&(&b.key, b.step, b.millis, &b.path)));
    images
}

fn parse(name: &str) -> Option<LoggedImage> {
    let stem = name.strip_suffix(".png")?;
    let parts = |separator: char| <[&str; 6]>::try_from(stem.split(separator).collect::<Vec<_>>()).ok();
    let [key, "step", step, "timestamp", millis, _] = parts('+').or_else(|| parts('%'))? else { return None };
    let key = place::clean_name(key.replace(['~', '#'], "/").as_bytes());
    let (step, millis) = (step.parse().ok()?, millis.parse().ok()?);
    (!key.is_empty()).then(|| LoggedImage { key, step, millis, path: format!("{DIRECTORY}/{name}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_either_time_are_understood_and_others_are_none() {
        let image = |key: &str, step, millis| Some((key.to_owned(), step, millis));
        let read = |name: &str| parse(name).map(|i| (i.key, i.step, i.millis));
        assert_eq!(read("val~dogs+step+3+timestamp+1700000000123+5b3c.png"), image("val/dogs", 3, 1_700_000_000_123));
        assert_eq!(read("val#my dogs%step%-1%timestamp%17%u.png"), image("val/my dogs", -1, 17));
        for other in [
            "val~dogs+step+3+timestamp+1700000000123+5b3c+compressed.webp",
            "dogs+step+x+timestamp+1+u.png",
            "dogs+step+1+time+1+u.png",
            "+step+1+timestamp+1+u.png",
            "plot.png",
            "a+step+99999999999999999999+timestamp+1+u.png",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn only_files_of_the_project_are_listed() {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path().join("project");
        let images = project.join("run/artifacts/images");
        fs::create_dir_all(&images).unwrap();
        let elsewhere = dir.path().join("elsewhere/images");
        fs::create_dir_all(&elsewhere).unwrap();
        for folder in [&images, &elsewhere] {
            for (step, millis) in [(10, 5), (2, 7), (2, 6)] {
                fs::write(folder.join(format!("a+step+{step}+timestamp+{millis}+u.png")), "").unwrap();
            }
        }
        fs::create_dir(images.join("d+step+1+timestamp+1+u.png")).unwrap();
        let found = logged_images(&project, Path::new("run/artifacts"));
        let places: Vec<_> = found.iter().map(|i| (i.key.as_str(), i.step, i.millis)).collect();
        assert_eq!(places, [("a", 2, 6), ("a", 2, 7), ("a", 10, 5)]);
        assert_eq!(found[0].path, "images/a+step+2+timestamp+6+u.png");
        assert_eq!(logged_images(&project, Path::new("../elsewhere")), []);
        assert_eq!(logged_images(&project, Path::new("nothing")), []);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(dir.path().join("elsewhere"), project.join("linked")).unwrap();
            assert_eq!(logged_images(&project, Path::new("linked")), []);
        }
    }
}
