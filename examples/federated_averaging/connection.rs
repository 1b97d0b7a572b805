//! A client's, or the key holder's, way to the server.

use crate::breast_cancer::Outcome;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{Request, StatusCode};

/// How long an answer may take. The server answers a question for what is not there yet once it is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A server's address, and what asks it.
pub(crate) struct Connection {
    agent: Agent,
    address: String,
}

/// What the server said.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(address: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        Self {
            agent: agent.into(),
            address: address.into(),
        }
    }

    /// What is at a path, as soon as it is there; `None` once the round, or the last one, is over.
    pub(crate) fn get(&self, path: &str) -> Outcome<Option<Vec<u8>>> {
        let answer = self.ask("GET", path, &[])?;
        match answer.status {
            StatusCode::OK => Ok(Some(answer.body)),
            StatusCode::GONE => Ok(None),
            _ => Err(answer.into_error()),
        }
    }

    /// What is at a path of the board, as soon as it is there.
    pub(crate) fn read(&self, name: &str) -> Outcome<Vec<u8>> {
        let bytes = self.get(&format!("/board/{name}"))?;
        Ok(bytes.ok_or("the server has ended")?)
    }

    /// Puts something on the board, for the others to read.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Outcome<()> {
        let answer = self.ask("PUT", &format!("/board/{name}"), bytes)?;
        match answer.status {
            StatusCode::NO_CONTENT => Ok(()),
            _ => Err(answer.into_error()),
        }
    }

    /// Sends a message of a round; what the server says.
    pub(crate) fn post(&self, path: &str, bytes: &[u8]) -> Outcome<Answer> {
        self.ask("POST", path, bytes)
    }

    fn ask(&self, method: &str, path: &str, bytes: &[u8]) -> Outcome<Answer> {
        let url = format!("http://{}{path}", self.address);
        let request = Request::builder().method(method).uri(url);
        let mut response = match method {
            "GET" => self.agent.run(request.body(())?)?,
            _ => self.agent.run(request.body(bytes)?)?,
        };
        Ok(Answer {
            status: response.status(),
            body: response.body_mut().read_to_vec()?,
        })
    }
}

impl Answer {
    /// Whether the message was taken; `false` if it came too late, or was not needed any more.
    pub(crate) fn taken(self) -> Outcome<bool> {
        match self.status {
            StatusCode::NO_CONTENT => Ok(true),
            StatusCode::CONFLICT => Ok(false),
            _ => Err(self.into_error()),
        }
    }

    /// The server's reason.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn into_error(self) -> Box<dyn std::error::Error> {
        format!("the server answered {}: {}", self.status, self.text()).into()
    }
}
