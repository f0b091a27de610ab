//! The list of bans, kept in a file.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde::{Deserialize, Serialize};
use tickwire_core::{Admission, AdmissionRequest, Refusal};
use tickwire_native::unwritable;

use crate::banned::Banned;
use crate::error::ServerError;
use crate::text_file::{self, folder_of};

/// The bans, shared between the console and the accept policy.
#[derive(Clone)]
pub(crate) struct Bans {
    path: PathBuf,
    list: Arc<RwLock<List>>,
}

#[derive(Default)]
struct List {
    /// All bans with their reasons: the bans that the file contained when it was last read, changed by the entries of
    /// `unwritten`.
    all: BTreeMap<Banned, String>,
    /// The changes that the server could not write to the file: bans with their reasons, and lifted bans as `None`.
    unwritten: BTreeMap<Banned, Option<String>>,
}

/// A ban in the format of the file.
#[derive(Serialize, Deserialize)]
struct BanLine {
    who: String,
    why: String,
}

impl Bans {
    /// Reads the bans from the file at `path`. If the file does not exist, the list is empty.
    pub(crate) fn load(path: &Path) -> Result<Self, ServerError> {
        let list = List { all: read(path)?, unwritten: BTreeMap::new() };
        let bans = Self { path: path.into(), list: Arc::new(RwLock::new(list)) };
        if let Err(error) = bans.try_folder() {
            tracing::warn!(
                "{}: the list of bans cannot be written to this file: {}; the bans take effect until the server stops; {}, \
                 or name another `ban_file`",
                path.display(),
                unwritable::reason(&error),
                unwritable::remedy(&error)
            );
        }
        Ok(bans)
    }

    /// Checks whether the file can be written. The check runs at the start, so that the operator learns of the fault
    /// before the first ban.
    fn try_folder(&self) -> io::Result<()> {
        let folder = folder_of(&self.path);
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(b"[]")?;
        match fs::symlink_metadata(self.lock_path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            _ => text_file::open_lock(&self.lock_path()).map(drop),
        }
    }

    /// Reads changes that other programs made in the file.
    pub(crate) fn refresh(&self) -> Result<(), ServerError> {
        let mut all = read(&self.path)?;
        let mut list = self.write();
        list.lay_over(&mut all);
        list.all = all;
        Ok(())
    }

    /// Adds a ban. The ban takes effect even if the file cannot be written.
    pub(crate) fn add(&self, who: Banned, why: &str) -> Result<(), ServerError> {
        self.change(who, Some(why.into()))
    }

    /// Lifts a ban. Returns whether the ban existed, in this server's list or in the file.
    pub(crate) fn remove(&self, who: &Banned) -> Result<bool, ServerError> {
        // What does not read is told when it is to be written.
        let _unread = self.refresh();
        let was_there = self.read().all.contains_key(who);
        if was_there {
            self.change(*who, None)?;
        }
        Ok(was_there)
    }

    /// Returns every ban with its reason.
    pub(crate) fn all(&self) -> Vec<(Banned, String)> {
        self.read().all.iter().map(|(who, why)| (*who, why.clone())).collect()
    }

    /// Decides whether a client that requests a connection is banned.
    pub(crate) fn admit(&self, request: &AdmissionRequest<'_>) -> Admission {
        let list = self.read();
        let by_identity = list.all.contains_key(&Banned::Identity(request.peer.identity));
        // Of a link only the address at its far end is known, and not the interface.
        let at = Banned::at(request.address).or_else(|| request.far_end.map(|ip| Banned::address(ip, 0)));
        let bans = at.into_iter().flat_map(Banned::and_wider).flatten();
        let by_address = bans.into_iter().any(|banned| list.all.contains_key(&banned));
        if by_identity || by_address { Admission::Refuse(Refusal::Banned) } else { Admission::Accept }
    }

    /// Adds or lifts a ban immediately, and then writes the change to the file. Changes that other servers made in the
    /// file are kept, and take effect in this server too.
    fn change(&self, who: Banned, why: Option<String>) -> Result<(), ServerError> {
        {
            let mut list = self.write();
            list.unwritten.insert(who, why);
            let mut all = std::mem::take(&mut list.all);
            list.lay_over(&mut all);
            list.all = all;
        }
        let unwritable = |error: io::Error| ServerError::File {
            path: self.path.clone(),
            what: format!("the list of bans cannot be written: {}", unwritable::reason(&error)),
            remedy: format!("{}, or name another `ban_file`", unwritable::remedy(&error)),
        };
        fs::create_dir_all(folder_of(&self.path)).map_err(unwritable)?;
        // Until this is dropped no other server changes the file.
        let lock = text_file::open_lock(&self.lock_path()).map_err(unwritable)?;
        lock.lock().map_err(unwritable)?;
        let mut all = read(&self.path)?;
        self.read().lay_over(&mut all);
        save(&self.path, &all).map_err(unwritable)?;
        let mut list = self.write();
        (list.all, list.unwritten) = (all, BTreeMap::new());
        Ok(())
    }

    /// Returns the path of the lock file. A lock on the ban file itself would not last, because each write replaces
    /// that file.
    fn lock_path(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".lock");
        name.into()
    }

    fn read(&self) -> RwLockReadGuard<'_, List> {
        self.list.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, List> {
        self.list.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    /// Applies the changes in `unwritten` to `all`.
    fn lay_over(&self, all: &mut BTreeMap<Banned, String>) {
        for (who, why) in &self.unwritten {
            match why {
                Some(why) => all.insert(*who, why.clone()),
                None => all.remove(who),
            };
        }
    }
}

/// Reads the bans in the file. Returns an empty list if the file does not exist.
fn read(path: &Path) -> Result<BTreeMap<Banned, String>, ServerError> {
    let fault = |what: String| ServerError::File {
        path: path.into(),
        what: format!("the list of bans {what}"),
        remedy: "correct or remove the file, or name another `ban_file`".into(),
    };
    let opened =
        text_file::open(path).and_then(|file| file.map(|file| text_file::read(file, u64::MAX)).transpose());
    let lines: Vec<BanLine> = match opened {
        Ok(None) => {
            return Err(fault("cannot be read: the path leads to a folder, a pipe or a device".into()));
        }
        // As `touch` and `truncate` leave it.
        Ok(Some(text)) if text_file::without_mark(&text).trim().is_empty() => Vec::new(),
        Ok(Some(text)) => serde_json::from_str(text_file::without_mark(&text))
            .map_err(|error| fault(format!("does not parse: {error}")))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(fault(format!("cannot be read: {error}"))),
    };
    let mut list = BTreeMap::new();
    for BanLine { who, why } in lines {
        let banned = Banned::parse(&who)
            .ok_or_else(|| fault(format!("names {who:?}, which is neither an identity nor an address")))?;
        list.insert(banned, why);
    }
    Ok(list)
}

/// Writes the list to the file atomically.
fn save(path: &Path, all: &BTreeMap<Banned, String>) -> io::Result<()> {
    let lines: Vec<BanLine> =
        all.iter().map(|(who, why)| BanLine { who: who.to_string(), why: why.clone() }).collect();
    let mut file = tempfile::NamedTempFile::new_in(folder_of(path))?;
    serde_json::to_writer_pretty(&mut file, &lines)?;
    writeln!(file)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    use tickwire_core::PeerInfo;

    fn admits(bans: &Bans, from: &str, identity: [u8; 16]) -> bool {
        let peer = PeerInfo { identity, ..PeerInfo::default() };
        let from: SocketAddr = from.parse().unwrap();
        let request = AdmissionRequest { address: from.into(), far_end: Some(from.ip()), peer: &peer };
        bans.admit(&request) == Admission::Accept
    }

    #[test]
    fn a_ban_survives_a_restart_of_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bans.json");
        let bans = Bans::load(&path).unwrap();
        let (by_address, by_identity) = (Banned::parse("192.0.2.7").unwrap(), Banned::Identity([7; 16]));
        bans.add(by_address, "cheats").unwrap();
        bans.add(by_identity, "").unwrap();

        let bans = Bans::load(&path).unwrap();
        assert!(!admits(&bans, "192.0.2.7:1", [0; 16]) && !admits(&bans, "[::ffff:192.0.2.7]:1", [0; 16]));
        assert!(!admits(&bans, "192.0.2.8:1", [7; 16]) && admits(&bans, "192.0.2.8:1", [0; 16]));
        assert!(bans.remove(&by_address).unwrap() && !bans.remove(&by_address).unwrap());
        assert!(admits(&Bans::load(&path).unwrap(), "192.0.2.7:1", [0; 16]));
    }

    #[test]
    fn two_servers_that_share_a_ban_list_keep_the_bans_of_both_servers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bans.json");
        let (one, other) = (Bans::load(&path).unwrap(), Bans::load(&path).unwrap());
        let (a, b, c) = (Banned::Identity([1; 16]), Banned::Identity([2; 16]), Banned::Identity([3; 16]));
        one.add(a, "one").unwrap();
        other.add(b, "other").unwrap();
        let all = vec![(a, "one".to_owned()), (b, "other".to_owned())];
        assert_eq!((other.all(), Bans::load(&path).unwrap().all()), (all.clone(), all.clone()));
        one.refresh().unwrap();
        assert_eq!(one.all(), all);
        other.add(c, "").unwrap();
        assert!(one.remove(&c).unwrap() && one.remove(&b).unwrap());
        other.refresh().unwrap();
        assert_eq!(other.all(), all[..1]);
    }

    #[test]
    fn a_ban_takes_effect_even_if_the_ban_list_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bans.json");
        let bans = Bans::load(&path).unwrap();
        fs::write(&path, "[{").unwrap();
        let error = bans.add(Banned::Identity([1; 16]), "").unwrap_err().to_string();
        assert!(error.contains("does not parse") && bans.refresh().is_err(), "{error}");
        assert!(!admits(&bans, "192.0.2.8:1", [1; 16]));
        assert_eq!(fs::read_to_string(&path).unwrap(), "[{", "what somebody wrote is not written over");
        fs::remove_file(&path).unwrap();
        bans.refresh().unwrap();
        assert!(!admits(&bans, "192.0.2.8:1", [1; 16]));
        bans.add(Banned::Identity([2; 16]), "").unwrap();
        assert_eq!(Bans::load(&path).unwrap().all().len(), 2);
    }

    #[test]
    fn a_ban_of_an_ipv6_address_applies_to_its_network_of_64_bits() {
        let folder = tempfile::tempdir().unwrap();
        let bans = Bans::load(&folder.path().join("bans.json")).unwrap();
        bans.add(Banned::parse("2001:db8:1:2:3::4").unwrap(), "").unwrap();
        assert!(!admits(&bans, "[2001:db8:1:2::9]:1", [0; 16]));
        assert!(admits(&bans, "[2001:db8:1:3::9]:1", [0; 16]));
        let shown = bans.all()[0].0.to_string();
        assert_eq!((shown.as_str(), Banned::parse(&shown)), ("2001:db8:1:2::/64", Some(bans.all()[0].0)));
    }

    #[test]
    fn a_ban_of_a_link_local_address_applies_only_to_that_address_on_its_interface() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bans.json");
        let bans = Bans::load(&path).unwrap();
        let ban = |text: &str| bans.add(Banned::parse(text).unwrap(), "").unwrap();
        ban("[fe80::99%4]:51234");
        let bans = Bans::load(&path).unwrap();
        assert!(!admits(&bans, "[fe80::99%4]:1", [0; 16]));
        assert!(admits(&bans, "[fe80::98%4]:1", [0; 16]), "others of the network are let in");
        assert!(admits(&bans, "[fe80::99%5]:1", [0; 16]), "another interface leads to another machine");
        assert!(bans.remove(&Banned::parse("fe80::99%4").unwrap()).unwrap());
        assert!(admits(&bans, "[fe80::99%4]:1", [0; 16]));
        // Without an interface on all of them, and the network if it is named.
        for (text, other_is_in) in [("fe80::99", true), ("fe80::/64", false)] {
            bans.add(Banned::parse(text).unwrap(), "").unwrap();
            let [same, other] = ["[fe80::99%5]:1", "[fe80::98%4]:1"].map(|from| admits(&bans, from, [0; 16]));
            assert_eq!((same, other), (false, other_is_in), "{text}");
            assert_eq!(bans.all()[0].0.to_string(), text);
            assert!(bans.remove(&Banned::parse(text).unwrap()).unwrap());
        }
    }

    #[test]
    fn an_empty_ban_list_and_a_ban_list_with_a_byte_order_mark_are_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bans.json");
        for (text, count) in
            [("", 0), ("\u{feff}\n", 0), ("\u{feff}[{\"who\": \"192.0.2.7\", \"why\": \"\"}]", 1)]
        {
            fs::write(&path, text).unwrap();
            assert_eq!(Bans::load(&path).unwrap().all().len(), count, "{text:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_at_the_path_of_the_lock_file_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("bans.json"), folder.path().join("precious"));
        fs::write(&target, "of value").unwrap();
        let lock = folder.path().join("bans.json.lock");
        std::os::unix::fs::symlink(&target, &lock).unwrap();
        let bans = Bans::load(&path).unwrap();
        let refused = || bans.add(Banned::Identity([1; 16]), "").unwrap_err().to_string();
        let said = "the list of bans cannot be written: a link, a folder, a pipe or a device is at the path ";
        assert!(
            refused().contains(said)
                && refused().contains("bans.json.lock; remove the folder or file at that path")
        );
        fs::remove_file(&lock).unwrap();
        fs::create_dir(&lock).unwrap();
        assert!(refused().contains(said), "{}", refused());
        fs::remove_dir(&lock).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&lock).status().unwrap().success());
        assert!(refused().contains(said), "{}", refused());
        assert_eq!(fs::read_to_string(&target).unwrap(), "of value");
        // The ban holds all the same.
        assert!(!admits(&bans, "192.0.2.8:1", [1; 16]));
    }

    #[test]
    fn a_ban_list_that_does_not_parse_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bans.json");
        for text in ["[{]", r#"[{"who": "nobody", "why": ""}]"#] {
            fs::write(&path, text).unwrap();
            assert!(Bans::load(&path).is_err(), "{text} was taken");
        }
    }
}
