//! `minreq`, as the extension uses it.

use extension_clients::{EVENTS, settings};

fn main() -> Result<(), minreq::Error> {
    let (api, name) = settings();
    let request = minreq::post(format!("{api}/register")).with_header("Lambda-Extension-Name", name);
    let registered = request.with_body(EVENTS).send()?;
    let identifier = &registered.headers["lambda-extension-identifier"];
    loop {
        let next = minreq::get(format!("{api}/event/next")).with_header("Lambda-Extension-Identifier", identifier);
        if next.send()?.as_str()?.contains("SHUTDOWN") {
            return Ok(());
        }
    }
}
