//! `ureq`, without TLS.

use extension_clients::{EVENTS, settings};

fn main() -> Result<(), ureq::Error> {
    let (api, name) = settings();
    let registered = ureq::post(format!("{api}/register")).header("Lambda-Extension-Name", name).send(EVENTS)?;
    let identifier = &registered.headers()["lambda-extension-identifier"];
    loop {
        let next = ureq::get(format!("{api}/event/next")).header("Lambda-Extension-Identifier", identifier);
        if next.call()?.body_mut().read_to_string()?.contains("SHUTDOWN") {
            return Ok(());
        }
    }
}
