//! `ticket`: the tasks of a backend as commands: it generates keys, and mints tickets with which clients connect.

#[cfg(test)]
mod tests;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Subcommand;
use serde_json::{Value, json};
use tickwire_core::crypto::default_provider;
use tickwire_core::rng::Rng;
use tickwire_core::{PublicKey, Secret, Ticket, TicketContents, TicketMint, server_ticket_key};

/// Generate keys, mint tickets, and show the fields of tickets
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: TicketVerb,
}

#[derive(Subcommand, Debug)]
enum TicketVerb {
    Keygen(Keygen),
    Derive(Derive),
    Mint(Mint),
    Show(Show),
}

/// Generate a backend's master and a server's identity, and derive the keys that belong to them
#[derive(clap::Args, Debug)]
struct Keygen {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Derive the key that opens the tickets of one server
#[derive(clap::Args, Debug)]
struct Derive {
    #[command(flatten)]
    master: Master,
    /// The server's public key: 64 hexadecimal digits
    #[arg(long, value_name = "HEX")]
    server_key: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Mint a ticket, and print it as the client needs it
#[derive(clap::Args, Debug)]
struct Mint {
    #[command(flatten)]
    master: Master,
    /// The public key of the server that the ticket is for: 64 hexadecimal digits
    #[arg(long, value_name = "HEX")]
    server_key: String,
    /// The application id, as in `Config::application`: decimal, or hexadecimal after 0x
    #[arg(long, value_name = "N", value_parser = number)]
    application: u64,
    /// Identity of the client: 32 hexadecimal digits
    #[arg(long, value_name = "HEX")]
    identity: String,
    /// Seconds from now for which the ticket is valid: 1 to 604800, a week
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=WEEK))]
    valid: u64,
    /// User data for the server, at most 256 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    user_data: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Print the readable fields of a ticket; its secrets are not shown
#[derive(clap::Args, Debug)]
struct Show {
    /// The ticket as it was minted, or `-` to read it from standard input
    ticket: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The source of the backend's master secret.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct Master {
    /// The file that holds the backend's master as 64 hexadecimal digits, or `-` for standard input
    #[arg(long, value_name = "PATH")]
    master_file: Option<PathBuf>,
    /// The master itself: only for tests, because every user of the machine can see a command line
    #[arg(long, value_name = "HEX")]
    master: Option<String>,
}

/// The longest validity of a ticket, in seconds. A server remembers used tickets until they expire.
const WEEK: u64 = 7 * 24 * 3600;

pub(crate) fn run(args: &Args) -> Result<()> {
    let output = match &args.verb {
        TicketVerb::Keygen(args) => keygen(args, &mut system_rng()?),
        TicketVerb::Derive(args) => derive(args)?,
        TicketVerb::Mint(args) => mint(args, &mut system_rng()?, wall_now()?)?,
        TicketVerb::Show(args) => show(args, wall_now()?)?,
    };
    println!("{output}");
    Ok(())
}

fn keygen(args: &Keygen, rng: &mut Rng) -> String {
    let provider = default_provider();
    let (master, secret) = (Secret::new(rng.array()), Secret::new(rng.array()));
    let public = secret.public_key();
    let ticket_key = server_ticket_key(&*provider, &master, &public);
    if args.json {
        return json!({
            "master": master.reveal_hex(),
            "server_secret": secret.reveal_hex(),
            "server_key": public.to_string(),
            "server_ticket_key": ticket_key.reveal_hex(),
        })
        .to_string();
    }
    format!(
        "master             {}  secret of the backend, which never leaves the backend\n\
         server secret      {}  secret of the server, for Secrets::new\n\
         server key         {}  public; clients pin this key, and the backend mints tickets for this key\n\
         server ticket key  {}  secret of the server, for Secrets::ticket_key",
        master.reveal_hex(),
        secret.reveal_hex(),
        public,
        ticket_key.reveal_hex()
    )
}

fn derive(args: &Derive) -> Result<String> {
    let (master, server_key) = (args.master.read()?, server_key(&args.server_key)?);
    let text = server_ticket_key(&*default_provider(), &master, &server_key).reveal_hex();
    Ok(if args.json { json!({ "server_ticket_key": text }).to_string() } else { text })
}

fn mint(args: &Mint, rng: &mut Rng, wall_now: u64) -> Result<String> {
    let master = args.master.read()?;
    let server_key = server_key(&args.server_key)?;
    let contents = TicketContents {
        identity: identity(&args.identity).context("--identity")?,
        expiry: wall_now.saturating_add(args.valid.saturating_mul(SECOND_US)),
        user_data: args.user_data.clone().into_bytes(),
    };
    let provider = default_provider();
    let key = server_ticket_key(&*provider, &master, &server_key);
    let ticket = TicketMint::new(provider, &key).mint(rng, args.application, &server_key, contents);
    let ticket = ticket.context("--user-data")?;
    if !args.json {
        return Ok(ticket.to_string());
    }
    let mut object = described(&ticket);
    object["ticket"] = ticket.to_string().into();
    object["identity"] = args.identity.to_lowercase().into();
    Ok(object.to_string())
}

fn show(args: &Show, wall_now: u64) -> Result<String> {
    let text = if args.ticket == "-" { from_standard_input()? } else { args.ticket.clone() };
    let ticket: Ticket = text.parse()?;
    if args.json {
        let mut object = described(&ticket);
        object["expired"] = (ticket.expiry() <= wall_now).into();
        return Ok(object.to_string());
    }
    let validity = match ticket.expiry().checked_sub(wall_now) {
        Some(left) if left > 0 => format!("valid for another {} s", left.div_ceil(SECOND_US)),
        _ => format!("expired {} s ago", (wall_now - ticket.expiry()) / SECOND_US),
    };
    Ok(format!(
        "application  {:#x}\nserver key   {}\nexpiry       {} us after 1970 UTC; {validity}\n\
         identity, user data and pre-shared key are for server and client only",
        ticket.application(),
        ticket.server_key(),
        ticket.expiry()
    ))
}

/// Returns the fields of a ticket that any holder may read, without its secret. The application is text, because some
/// JSON readers cannot represent large numbers.
fn described(ticket: &Ticket) -> Value {
    json!({
        "application": format!("{:#x}", ticket.application()),
        "server_key": ticket.server_key().to_string(),
        "expiry_us": ticket.expiry(),
    })
}

impl Master {
    fn read(&self) -> Result<Secret> {
        let (text, place) = match (&self.master_file, &self.master) {
            (Some(path), _) if path == Path::new("-") => {
                (from_standard_input()?, "the master key from standard input".to_owned())
            }
            (Some(path), _) => {
                let text = fs::read_to_string(path)
                    .with_context(|| format!("cannot read the master key from {}", path.display()))?;
                (text, format!("the master key in {}", path.display()))
            }
            (None, Some(text)) => (text.clone(), "--master".to_owned()),
            (None, None) => bail!("no master key was given; give --master-file"),
        };
        let master: Secret = text.parse().context(place)?;
        ensure!(
            master != [0; 32],
            "the master key is all zeros; generate a master key with `cargo xtask ticket keygen`"
        );
        Ok(master)
    }
}

fn server_key(text: &str) -> Result<PublicKey> {
    let key: PublicKey = text.parse().context("--server-key")?;
    ensure!(
        key.to_bytes() != [0; 32],
        "--server-key is all zeros; give the public key that the server prints, or that `keygen` generated"
    );
    Ok(key)
}

fn from_standard_input() -> Result<String> {
    let mut text = String::new();
    // A ticket is the longest thing that is read from there.
    std::io::stdin().take(64 << 10).read_to_string(&mut text).context("cannot read standard input")?;
    Ok(text)
}

/// Parses an identity from hexadecimal text in upper or lower case. White space around the text is ignored.
fn identity(text: &str) -> Result<[u8; 16]> {
    let text = text.trim();
    if let Some((place, wrong)) = text.chars().enumerate().find(|(_, c)| !c.is_ascii_hexdigit()) {
        bail!(
            "character {} of the identity, {wrong:?}, is not a hexadecimal digit; an identity has 32 digits",
            place + 1
        );
    }
    ensure!(text.len() == 32, "the text has {} hexadecimal digits, but an identity has 32", text.len());
    Ok(u128::from_str_radix(text, 16)?.to_be_bytes())
}

/// Parses a decimal or hexadecimal number.
fn number(text: &str) -> Result<u64> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| anyhow!("expected a number below 2^64, such as 1234 or 0x4d2"))
}

fn system_rng() -> Result<Rng> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| anyhow!("cannot read random bytes from the system: {error}"))?;
    Ok(Rng::from_seed(seed))
}

/// Returns the wall time in microseconds since the Unix epoch.
fn wall_now() -> Result<u64> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the system's clock is before 1970; set the clock")?;
    u64::try_from(since.as_micros()).context("the system's clock is out of range; set the clock")
}

const SECOND_US: u64 = 1_000_000;
