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
    let (mut greeted, mut handlers) = (String::new(), server.handlers());
    handlers.on(|greeted: &mut String, _, _, hello: &Hello| *greeted = hello.name.to_string())?;

    let client = Client::start(Options::new(client_config).registry(registry))?;
    client.connect(&server.local_address().into(), ConnectOptions::new(server.public_key())).wait()?;
    client.send_to_server(&Hello { name: BoundedString::truncated("world") })?;
    while greeted.is_empty() {
        server.update(&mut greeted, &mut handlers); // once per frame of a game
    }
    println!("hello {greeted}");
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_server_of_the_hello_example_receives_the_hello_of_the_client() {
        super::main().unwrap();
    }
}
