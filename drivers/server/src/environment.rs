//! Checks of environment variables: unreadable values, and misspelt names.

use std::ffi::OsString;

use crate::config::{Fault, Origin};
use crate::suggest::suggest;

/// The prefix of every variable that tickwire reads.
pub(crate) const PREFIX: &str = "TICKWIRE_";
/// The variable that names the configuration file.
pub(crate) const CONFIG: &str = "TICKWIRE_CONFIG";

/// Faults and warnings about the variables of the environment.
#[derive(PartialEq, Eq, Debug, Default)]
pub(crate) struct Findings {
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<String>,
}

/// Checks the environment variables `variables`. `known` lists the names that set a key. Other names with the prefix are
/// reported only if they resemble a known name, because an orchestrator sets variables whose names begin with the name of
/// a service.
pub(crate) fn look(known: &[String], variables: impl Iterator<Item = (OsString, OsString)>) -> Findings {
    let mut findings = Findings::default();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let fault = |what: &str, remedy: &str| Fault {
            origin: Origin::Environment { variable: name.into() },
            key: String::new(),
            what: what.into(),
            remedy: remedy.into(),
        };
        if name == CONFIG {
            if value.is_empty() {
                findings.faults.push(fault("is empty", "name a file, or unset the variable"));
            }
        } else if !known.iter().any(|known| known == name) {
            findings.warnings.extend(misspelt(known, name));
        } else if value.to_str().is_none() {
            findings.faults.push(fault("is not UTF-8", "set the variable to UTF-8 text, or unset it"));
        }
    }
    findings
}

fn misspelt(known: &[String], name: &str) -> Option<String> {
    let known = known.iter().map(String::as_str).chain([CONFIG]);
    // What all have in common makes nothing alike.
    let meant = suggest(name.strip_prefix(PREFIX)?, known.filter_map(|known| known.strip_prefix(PREFIX)))?;
    Some(format!("environment variable {name} sets nothing; did you mean {PREFIX}{meant}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Findings {
        let known = ["TICKWIRE_TICK_RATE", "TICKWIRE_BIND_ADDRESS", "TICKWIRE_KEY_FILE"].map(str::to_owned);
        look(&known, variables.iter().map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn only_a_misspelt_variable_of_the_server_gets_a_suggestion() {
        let said = "environment variable TICKWIRE_TICKRATE sets nothing; did you mean TICKWIRE_TICK_RATE?";
        assert_eq!(found(&[("TICKWIRE_TICKRATE", "5")]).warnings, [said]);
        assert!(found(&[("TICKWIRE_CONFG", "a.json")]).warnings[0].ends_with("TICKWIRE_CONFIG?"));
        let others = ["TICKWIRE_SERVICE_HOST", "TICKWIRE_PORT_7777_UDP_PROTO", "TICKRATE", "TICKWIRE_TRACES"];
        for name in others {
            assert_eq!(found(&[(name, "5")]), Findings::default(), "{name}");
        }
        assert_eq!(found(&[("TICKWIRE_TICK_RATE", ""), ("TICKWIRE_CONFIG", "a")]), Findings::default());
    }

    #[cfg(unix)]
    #[test]
    fn the_error_about_an_empty_or_non_utf_8_variable_names_the_variable() {
        use std::os::unix::ffi::OsStringExt as _;
        let said = |findings: Findings| findings.faults.iter().map(ToString::to_string).collect::<Vec<_>>();
        let empty = "environment variable TICKWIRE_CONFIG: is empty; name a file, or unset the variable";
        assert_eq!(said(found(&[("TICKWIRE_CONFIG", "")])), [empty]);
        let known = ["TICKWIRE_TICK_RATE".to_owned()];
        let bytes = OsString::from_vec(vec![0xff]);
        let findings = look(&known, [("TICKWIRE_TICK_RATE".into(), bytes.clone())].into_iter());
        let no_text = "environment variable TICKWIRE_TICK_RATE: is not UTF-8; set the variable to UTF-8 text, or unset it";
        assert_eq!(said(findings), [no_text]);
        // A path may be anything.
        assert_eq!(look(&known, [(CONFIG.into(), bytes)].into_iter()), Findings::default());
    }
}
