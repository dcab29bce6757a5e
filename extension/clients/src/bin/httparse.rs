//! A socket and `httparse`: the least that could be done.

use std::io::{Read as _, Result, Write as _};
use std::net::TcpStream;

use extension_clients::{EVENTS, settings};

/// Sends a request; the identifier in the answer, and all of the answer.
fn send(api: &str, method: &str, path: &str, header: &str, body: &str) -> Result<(String, String)> {
    let (address, base) = api["http://".len()..].split_once('/').unwrap_or((api, ""));
    let mut stream = TcpStream::connect(address)?;
    let length = body.len();
    write!(
        stream,
        "{method} /{base}{path} HTTP/1.1\r\nHost: {address}\r\n{header}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(answer.as_bytes()).map_err(std::io::Error::other)?;
    let wanted = response.headers.iter().find(|h| h.name.eq_ignore_ascii_case("Lambda-Extension-Identifier"));
    let identifier = wanted.map_or(String::new(), |h| String::from_utf8_lossy(h.value).into_owned());
    Ok((identifier, answer))
}

fn main() -> Result<()> {
    let (api, name) = settings();
    let (identifier, _) = send(&api, "POST", "/register", &format!("Lambda-Extension-Name: {name}"), EVENTS)?;
    let header = format!("Lambda-Extension-Identifier: {identifier}");
    while !send(&api, "GET", "/event/next", &header, "")?.1.contains("SHUTDOWN") {}
    Ok(())
}
