//! Each rule fires on what it forbids, and only on that.

use super::{Args, Rules, run, starts_with_date, wildcard_faults};
use crate::metadata::{Dependency, Package};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn rules() -> Rules {
    let text = r#"
        [advisories]
        ignore = [{ id = "RUSTSEC-1", reason = "2026-11-21: why" }, { id = "RUSTSEC-2", reason = "why not" }]
        [licenses]
        allow = ["MIT"]
        [bans]
        deny = [{ crate = "old", wrappers = ["keeper"], reason = "old" }]
        [sources]
        allow-registry = ["https://github.com/rust-lang/crates.io-index"]
    "#;
    Rules::read(text).unwrap()
}

fn package(name: &str) -> Package {
    Package {
        name: name.into(),
        version: "1.0.0".into(),
        license: Some("MIT OR Apache-2.0".into()),
        source: Some(CRATES_IO.into()),
        ..Package::default()
    }
}

fn user_of(name: &str, dependency: &str, req: &str) -> Package {
    let (dependency_name, source) = (dependency.into(), Some(CRATES_IO.into()));
    let dependency = Dependency { name: dependency_name, source, req: req.into(), kind: None };
    Package { dependencies: vec![dependency], ..package(name) }
}

#[test]
fn the_workspace_passes_its_own_dependency_rules() {
    run(&Args { builtin: true }).unwrap();
}

#[test]
fn a_package_with_an_unlisted_licence_or_without_a_licence_is_reported() {
    let fault = |license: Option<&str>| {
        let license = license.map(str::to_owned);
        rules().licence_fault(&Package { license, ..package("a") }).unwrap()
    };
    assert_eq!(fault(Some("MIT OR GPL-3.0")), None);
    assert!(fault(Some("GPL-3.0")).unwrap().contains("GPL-3.0"));
    assert!(fault(None).is_some());
}

#[test]
fn a_package_from_a_source_other_than_the_registry_is_reported() {
    let fault = |source: Option<&str>, is_member| {
        rules().source_fault(&Package { source: source.map(str::to_owned), ..package("a") }, is_member)
    };
    assert_eq!(fault(Some(CRATES_IO), false), None);
    assert_eq!(fault(None, true), None);
    assert!(fault(None, false).is_some());
    assert!(fault(Some("git+https://example.org/a"), false).is_some());
    assert!(fault(Some("registry+https://example.org/index"), false).is_some());
}

#[test]
fn a_banned_package_is_reported_unless_only_its_wrappers_depend_on_it() {
    let kept = [package("old"), user_of("keeper", "old", "1")];
    assert_eq!(rules().ban_fault(&kept[0], &kept), None);
    let used = [package("old"), user_of("keeper", "old", "1"), user_of("careless", "old", "1")];
    assert!(rules().ban_fault(&used[0], &used).unwrap().contains("careless"));
}

#[test]
fn a_banned_development_dependency_is_reported_only_for_a_workspace_member() {
    let mut all = [package("old"), user_of("tested", "old", "1")];
    all[1].dependencies[0].kind = Some("dev".into());
    assert_eq!(rules().ban_fault(&all[0], &all), None);
    all[1].source = None;
    assert!(rules().ban_fault(&all[0], &all).unwrap().contains("tested"));
}

#[test]
fn a_dependency_with_a_wildcard_version_is_reported() {
    assert!(wildcard_faults(&user_of("a", "b", "1.2")).is_empty());
    assert_eq!(wildcard_faults(&user_of("a", "b", "*")).len(), 1);
}

#[test]
fn an_exception_without_a_date_is_reported() {
    assert_eq!(rules().undated_exceptions().len(), 1);
    assert!(starts_with_date("2026-11-21: x") && !starts_with_date("2026-11") && !starts_with_date("x"));
}
