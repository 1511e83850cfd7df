//! What one host is asked, and whether something is an answer to that.

use crate::model::{NginxSetup, StateDir, StateGroup};

use super::subject::Subject;

/// What one host is asked, all in one go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Questions {
    /// Files whose content, mode and owner matter.
    pub files: Vec<String>,
    /// Paths that may exist.
    pub exists: Vec<String>,
    /// Compose projects whose containers matter; any of them makes Docker be asked about.
    pub projects: Vec<String>,
    /// Images by name that may be there.
    pub images: Vec<String>,
    /// The symlink or file that nginx reads, on a load balancer.
    pub site: Option<String>,
    /// The command that prints the live color, on a load balancer that is switched by commands.
    pub detect: Option<String>,
    /// How nginx runs there.
    pub nginx: NginxSetup,
    /// The folder with the app's lock and last run, on a load balancer.
    pub records: Option<String>,
    /// Also the plan of the run that is under way or was left, in the same folder.
    pub plan: bool,
    /// Also what earlier runs came to.
    pub history: bool,
    /// The folder with the app's kept releases.
    pub kept: Option<String>,
    /// The group that shares these folders.
    pub state_group: Option<StateGroup>,
    /// Whom the script becomes; `None`: nobody else.
    pub escalate: Option<String>,
    /// What somebody else is asked, on a load balancer whose tasks become another user than its switch: all that
    /// belongs to the switch.
    pub of_switch: Option<Box<Questions>>,
}

impl Questions {
    /// What the user of the host's switch is asked, or the one of its tasks where it has no switch.
    #[must_use]
    pub fn of_state(&self) -> &Self {
        self.of_switch.as_deref().unwrap_or(self)
    }

    /// The same, to ask more.
    pub fn of_state_mut(&mut self) -> &mut Self {
        if self.of_switch.is_none() {
            return self;
        }
        self.of_switch.get_or_insert_default()
    }

    /// Has the switch's questions asked as this user, beside those of tasks that become somebody else.
    pub fn switch_as(&mut self, user: Option<String>) {
        if self.escalate.is_none() {
            self.escalate = user;
        } else if self.escalate != user {
            let (kept, state_group) = (self.kept.take(), self.state_group.take());
            let questions = Self { escalate: user, kept, state_group, ..Self::default() };
            self.of_switch = Some(Box::new(questions));
        }
    }

    /// Asks for the app's kept releases, in this folder.
    pub fn keep_in(&mut self, releases: StateDir) {
        (self.kept, self.state_group) = (Some(releases.folder), releases.group);
    }

    /// The script's arguments.
    #[must_use]
    pub fn args(&self) -> Vec<String> {
        let mut args = Vec::new();
        let mut ask = |what: &str, about: &str| args.extend([what.to_owned(), about.to_owned()]);
        self.files.iter().for_each(|path| ask("file", path));
        self.exists.iter().for_each(|path| ask("exists", path));
        if !self.projects.is_empty() || !self.images.is_empty() {
            ask("docker", "-");
        }
        self.projects.iter().for_each(|name| ask("project", name));
        self.images.iter().for_each(|name| ask("image", name));
        self.nginx.container.iter().for_each(|name| ask("nginx-container", name));
        self.nginx.binary.iter().for_each(|name| ask("nginx-binary", name));
        self.nginx.config.iter().for_each(|path| ask("nginx-config", path));
        self.site.iter().for_each(|path| ask("nginx", path));
        self.detect.iter().for_each(|command| ask("detect", command));
        self.state_group.iter().for_each(|group| ask("state-group", group.as_str()));
        if let Some(folder) = &self.kept {
            ask("kept", folder);
        }
        if let Some(folder) = &self.records {
            ask("records", folder);
            let more = [(self.plan, "plan"), (self.history, "history")];
            more.iter().filter(|(wanted, _)| *wanted).for_each(|(_, what)| ask(what, folder));
        }
        args
    }

    /// Whether this was asked. Whatever else a host says of itself, nobody wants to know.
    pub(super) fn cover(&self, subject: &Subject) -> bool {
        let asks = |list: &[String], what: &String| list.contains(what);
        match subject {
            Subject::Always | Subject::Trouble => true,
            Subject::System(key) => SYSTEM.contains(&key.as_str()),
            Subject::File(path) => asks(&self.files, path),
            Subject::Exists(path) => asks(&self.exists, path),
            Subject::Engine(_) => !self.projects.is_empty() || !self.images.is_empty(),
            Subject::Container(project) => asks(&self.projects, project),
            Subject::Image(name) => asks(&self.images, name),
            Subject::Nginx => self.site.is_some(),
            Subject::Detected => self.detect.is_some(),
            Subject::Kept(_) => self.kept.is_some(),
            Subject::Records(_) | Subject::Key => self.records.is_some(),
            Subject::Plan => self.records.is_some() && self.plan,
            Subject::History => self.records.is_some() && self.history,
        }
    }
}

/// What the script says of every host.
const SYSTEM: [&str; 5] = ["hostname", "kernel", "arch", "os", "os_version"];
