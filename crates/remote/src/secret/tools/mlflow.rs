//! MLflow's own client (`mlflow/utils/credentials.py`, `rest_utils.py`): user and password from the environment, each
//! else from `~/.mlflow/credentials`; without both, the token.

use signalbox_release::Failure;

use super::{Around, found, found_in};
use crate::secret::{Auth, Found, Place, Secret};

pub fn look(place: &Place, around: &Around) -> Result<Option<Found>, Failure> {
    let Some(uri) = around.var("MLFLOW_TRACKING_URI").filter(|uri| place.is_named_by(uri)) else { return Ok(None) };
    if let Ok((_, Some(auth))) = crate::http::base(&uri) {
        return Ok(Some(found(auth, "MLFLOW_TRACKING_URI")));
    }
    let (mut user, mut password) = (around.var("MLFLOW_TRACKING_USERNAME"), secret(around, "MLFLOW_TRACKING_PASSWORD"));
    let from_environment = user.is_some() && password.is_some();
    let mut file = None;
    if !from_environment {
        file = around.read(around.at_home(".mlflow/credentials"))?;
        let text = file.as_ref().map_or("", |(_, file)| file.text.as_str());
        user = user.or_else(|| value(text, "mlflow_tracking_username").map(str::to_owned));
        password = password.or_else(|| value(text, "mlflow_tracking_password").map(Secret::new));
    }
    if let (Some(user), Some(password)) = (user, password) {
        let auth = Auth::Basic { user, password };
        return Ok(Some(match &file {
            Some(file) => found_in(auth, file),
            None => found(auth, "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        }));
    }
    let token = secret(around, "MLFLOW_TRACKING_TOKEN");
    Ok(token.map(|token| found(Auth::Bearer { token }, "MLFLOW_TRACKING_TOKEN")))
}

fn secret(around: &Around, name: &str) -> Option<Secret> {
    around.var(name).map(Secret::new)
}

/// A value of the section `[mlflow]`, as Python's `configparser` reads it: keys in any case, `=` or `:`.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut inside = false;
    let mut found = None;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            inside = name.0 == "mlflow";
        } else if let Some((name, value)) = line.split_once(['=', ':'])
            && inside
            && name.trim().eq_ignore_ascii_case(key)
        {
            found = Some(value.trim()).filter(|value| !value.is_empty());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ini_file_is_read_as_python_reads_it() {
        let text = "[other]\nmlflow_tracking_username = no\n[mlflow]\n# mlflow_tracking_username = no\n\
                    MLFLOW_Tracking_Username: ada \r\nmlflow_tracking_password = a=b:c #d\n[more]\n\
                    mlflow_tracking_password = no\n";
        assert_eq!(value(text, "mlflow_tracking_username"), Some("ada"));
        assert_eq!(value(text, "mlflow_tracking_password"), Some("a=b:c #d"));
        for odd in ["", "[mlflow", "[mlflow]", "[mlflow]\nmlflow_tracking_username", "mlflow_tracking_username=x"] {
            assert_eq!(value(odd, "mlflow_tracking_username"), None, "{odd}");
        }
    }
}
