//! The files that a configuration names. Two keys must not name the same file, because writing the file for one key would
//! destroy the content for the other key.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::check::Objection;
use super::server_config::ServerConfig;

/// A file, and the configuration key that uses it.
struct Used {
    /// The key that names the file. `None` for the configuration file itself.
    key: Option<&'static str>,
    path: PathBuf,
    /// The purpose of the file, if the key names another file that needs this file.
    what: Option<&'static str>,
}

impl Used {
    fn shown(&self) -> String {
        match (self.key, self.what) {
            (None, _) => "the configuration itself".into(),
            (Some(key), None) => format!("`{key}`"),
            (Some(key), Some(what)) => format!("the file that `{key}` needs for {what}"),
        }
    }
}

/// Returns objections to keys that name the same file, even by different paths. `file` is the configuration file
/// itself.
pub(super) fn clashes<S>(config: &ServerConfig<S>, file: Option<&Path>) -> Vec<Objection> {
    let used = used(config, file);
    let places: Vec<PathBuf> = used.iter().map(|used| resolved(&used.path, LINKS)).collect();
    let mut found = Vec::new();
    for (place, (later, at)) in used.iter().zip(&places).enumerate() {
        let before = used.iter().zip(&places).take(place);
        let clash = before.filter(|(one, _)| one.key != later.key).find(|(_, there)| is_same(at, there));
        if let (Some((one, _)), Some(key)) = (clash, later.key) {
            let path = later.path.display();
            let needs = match later.what {
                Some(what) => format!("needs {path} for {what}, which is"),
                None => format!("is {path},"),
            };
            found.push(Objection {
                key: key.into(),
                what: format!("{needs} the same file as {}", one.shown()),
                remedy: "name another file, because writing one of the two would destroy the other".into(),
            });
        }
    }
    found
}

fn used<S>(config: &ServerConfig<S>, file: Option<&Path>) -> Vec<Used> {
    let of = |key, path: &Path| Used { key: Some(key), path: path.into(), what: None };
    let beside = |key, path: &Path, end: &str, what| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        Used { key: Some(key), path: name.into(), what: Some(what) }
    };
    let mut used: Vec<Used> = Vec::new();
    used.extend(file.map(|path| Used { key: None, path: path.into(), what: None }));
    used.push(of("key_file", &config.key_file));
    used.extend(config.ticket_key_file.as_deref().map(|path| of("ticket_key_file", path)));
    used.push(of("ban_file", &config.ban_file));
    used.push(beside("ban_file", &config.ban_file, ".lock", "its lock"));
    let log = &config.log_file_path;
    if config.enable_logging && log != Path::new("-") {
        used.push(of("log_file_path", log));
        let aside = |number| beside("log_file_path", log, &format!(".{number}"), "an older log");
        used.extend((1..=config.log_files_kept).map(aside));
    }
    used
}

/// Returns the file to which a path leads, with all symbolic links resolved, including links whose target does not
/// exist.
fn resolved(path: &Path, links: u32) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => resolved(folder, links),
        Some(_) => fs::canonicalize(".").unwrap_or_default(),
        None => return path.into(),
    };
    let at = match path.components().next_back() {
        Some(Component::Normal(name)) => folder.join(name),
        Some(Component::ParentDir) => folder.parent().unwrap_or(&folder).into(),
        _ => folder.clone(),
    };
    match fs::read_link(&at) {
        Ok(target) if links > 0 => resolved(&folder.join(target), links - 1),
        _ => at,
    }
}

/// Returns whether two resolved paths lead to the same file. Hard links of one file count as the same file.
#[cfg(unix)]
fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let id = |path: &Path| fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    one == other || id(one).is_some_and(|one| Some(one) == id(other))
}

#[cfg(not(unix))]
fn is_same(one: &Path, other: &Path) -> bool {
    one == other
}

/// The largest number of links that are followed one after another. A longer chain is probably a circle.
const LINKS: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NoSettings;

    fn config() -> ServerConfig<NoSettings> {
        ServerConfig::default()
    }

    /// A function that returns the path of the file with the given name.
    type At<'a> = dyn Fn(&str) -> PathBuf + 'a;

    /// Returns the refused keys of a configuration in which `change` sets the names of files in `folder`.
    fn refused(folder: &Path, change: impl FnOnce(&mut ServerConfig<NoSettings>, &At<'_>)) -> Vec<String> {
        let at = |name: &str| folder.join(name);
        let mut config = config();
        (config.key_file, config.log_file_path) = (at("key"), at("log"));
        config.ban_file = at("bans");
        change(&mut config, &at);
        clashes(&config, Some(&at("server.json"))).into_iter().map(|objection| objection.key).collect()
    }

    #[test]
    fn configuration_keys_that_name_different_files_are_accepted() {
        assert_eq!(clashes(&config(), Some(Path::new("server.json"))).len(), 0);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(refused(folder.path(), |config, at| config.ticket_key_file = Some(at("ticket"))), [""; 0]);
    }

    #[test]
    fn two_configuration_keys_that_name_the_same_file_in_different_spellings_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused =
            |change: &dyn Fn(&mut ServerConfig<NoSettings>, &At<'_>)| refused(folder.path(), change);
        fs::create_dir(folder.path().join("sub")).unwrap();
        for name in ["key", "./key", "sub/../key", "missing/../key", "bans", "bans.lock", "server.json"] {
            assert_eq!(refused(&|config, at| config.log_file_path = at(name)), ["log_file_path"], "{name}");
        }
        for name in ["log", "log.1", "log.5"] {
            assert_eq!(refused(&|config, at| config.key_file = at(name)), ["log_file_path"], "{name}");
        }
        assert_eq!(refused(&|config, at| config.ban_file = at("key")), ["ban_file"]);
        assert_eq!(refused(&|config, at| config.ticket_key_file = Some(at("key"))), ["ticket_key_file"]);
        assert_eq!(refused(&|config, at| config.key_file = at("server.json")), ["key_file"]);
        // As many logs as are kept, and no log at all.
        assert_eq!(refused(&|config, at| config.key_file = at("log.6")), [""; 0]);
        let off = |config: &mut ServerConfig<NoSettings>, at: &At<'_>| {
            (config.log_file_path, config.enable_logging) = (at("key"), false);
        };
        assert_eq!(refused(&off), [""; 0]);
    }

    #[cfg(unix)]
    #[test]
    fn two_configuration_keys_that_name_the_same_file_through_symbolic_or_hard_links_are_refused() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let refused = || refused(folder.path(), |config, at| config.log_file_path = at("link"));
        // The key is not there yet, and the link leads to where it will be.
        symlink("key", at("link")).unwrap();
        assert_eq!(refused(), ["log_file_path"]);
        fs::write(at("key"), "").unwrap();
        assert_eq!(refused(), ["log_file_path"]);
        fs::remove_file(at("link")).unwrap();
        fs::hard_link(at("key"), at("link")).unwrap();
        assert_eq!(refused(), ["log_file_path"]);
        fs::remove_file(at("link")).unwrap();
        symlink("link", at("link")).unwrap();
        assert_eq!(refused(), [""; 0], "a link to itself is nobody's file");
    }
}
