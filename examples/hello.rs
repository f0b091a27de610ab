//! A server and a client in one program, and an encrypted, typed message between them: `cargo run --example hello`.

use tickwire::prelude::*;

#[derive(NetMessage)]
struct Hello {
    name: BoundedString<40>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut registry = Registry::new();
    registry.register::<Hello>()?;
    let client_config = Config::new(0x6865_6c6f);
    let mut config = client_config.clone();
    config.access = Access::Open;

    let options = Options::new(config).registry(registry.clone()).bind("127.0.0.1:0".parse()?);
    let server = Server::start(options)?;
    let mut greeted = 0; // the game: every handler gets it
    let mut handlers = server.handlers::<u32>();
    handlers.on(|greeted, _, _, hello: &Hello| {
        *greeted += 1;
        println!("hello {}", hello.name);
    })?;

    let client = Client::start(Options::new(client_config).registry(registry))?;
    let to = server.local_address().into();
    client.connect(&to, ConnectOptions::new(server.public_key())).wait()?;
    client.send_to_server(&Hello { name: BoundedString::truncated("world") })?;
    while greeted == 0 {
        server.update(&mut greeted, &mut handlers);
        std::thread::yield_now(); // a game calls update once per frame
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn hello_is_heard() {
        super::main().unwrap();
    }
}
