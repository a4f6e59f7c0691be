//! `~/.netrc`, which MLflow honours through requests.
//!
//! It names hosts without scheme and port, and has a `default` for every host. So it speaks only to what its names
//! can mean: https at its own port; and `default` is not used: a project's file could name any host.

use std::path::PathBuf;

use signalbox_release::Failure;
use zeroize::Zeroizing;

use super::{Around, found_in};
use crate::secret::{Auth, Found, Place, Secret};

pub fn look(place: &Place, around: &Around) -> Result<Option<Found>, Failure> {
    let url = place.url();
    let Some(host) = url.host_str().filter(|_| url.scheme() == "https" && url.port().is_none()) else {
        return Ok(None);
    };
    let named = around.var("NETRC").map(PathBuf::from);
    let Some(file) = around.read(named.or_else(|| around.at_home(".netrc")))? else { return Ok(None) };
    let entry = entry(&file.1.text, host, place.account());
    Ok(entry.map(|(user, password)| found_in(Auth::Basic { user, password }, &file)))
}

/// The first entry of a host, and of a user if one is named.
fn entry(text: &str, host: &str, account: Option<&str>) -> Option<(String, Secret)> {
    let mut words = words(text).into_iter().peekable();
    while let Some(word) = words.next() {
        if word.as_str() != "machine" {
            continue;
        }
        let is_meant = words.next()?.eq_ignore_ascii_case(host);
        let (mut user, mut password) = (None, None);
        while let Some(key) = words.next_if(|word| matches!(word.as_str(), "login" | "password" | "account")) {
            let value = words.next()?;
            match key.as_str() {
                "login" => user = Some(value.to_string()),
                "password" => password = Some(Secret::new(value.as_str())),
                _ => {}
            }
        }
        let (Some(user), Some(password)) = (user, password) else { continue };
        if is_meant && account.is_none_or(|account| account == user) {
            return Some((user, password));
        }
    }
    None
}

/// Words, of which one in quotes may hold spaces; without comments, and without macros, which end with an empty line.
fn words(text: &str) -> Vec<Zeroizing<String>> {
    let mut words: Vec<Zeroizing<String>> = Vec::new();
    let mut in_macro = false;
    for line in text.lines() {
        if in_macro {
            in_macro = !line.trim().is_empty();
            continue;
        }
        let mut chars = line.chars().peekable();
        while let Some(&first) = chars.peek() {
            if first.is_whitespace() {
                chars.next();
                continue;
            }
            // A password may begin with a number sign.
            if first == '#' && words.last().is_none_or(|word| word.as_str() != "password") {
                break;
            }
            let quoted = chars.next_if_eq(&'"').is_some();
            let mut word = Zeroizing::new(String::with_capacity(line.len()));
            while let Some(c) = chars.next_if(|&c| if quoted { c != '"' } else { !c.is_whitespace() }) {
                word.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
            }
            if quoted {
                chars.next();
            }
            in_macro |= word.as_str() == "macdef";
            words.push(word);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, host: &str, account: Option<&str>) -> Option<(String, Secret)> {
        entry(text, host, account)
    }

    fn is(user: &str, password: &str) -> Option<(String, Secret)> {
        Some((user.into(), Secret::new(password)))
    }

    #[test]
    fn entries_are_found_by_host() {
        let text = "# machine h login no password no\nmachine a login x password y\n\
                    macdef init\nmachine h login no password no\n\n\
                    machine H\n  login ada # who\n  password #hunter2\n machine h login bob password \"a b\\\"c\"\n\
                    default login any password any\n";
        assert_eq!(of(text, "h", None), is("ada", "#hunter2"));
        assert_eq!(of(text, "h", Some("bob")), is("bob", "a b\"c"));
        assert_eq!(of(text, "a", None), is("x", "y"));
        assert_eq!(of(text, "other", None), None, "the default is for nobody");
    }

    #[test]
    fn half_of_a_file_is_read_without_harm() {
        for odd in ["machine", "machine h", "machine h login", "machine h password p", "login x password y", "\"", "\\"]
        {
            assert_eq!(of(odd, "h", None), None, "{odd}");
        }
    }
}
