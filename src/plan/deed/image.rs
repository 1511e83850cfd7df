//! Logins and images with every value filled in.

use super::{Filled, Filler, Wanted, Wish, at};
use crate::model::{
    BuildImage, HostName, ImageTask, LoadImage, Login, LoginTask, Module, Play, Text, image_name,
};
use crate::plan::scope::{Scope, Side};

/// The archives that a play loads on a host, as the playbook names them. A name that cannot be filled in is told when
/// the task is.
pub(in crate::plan) fn archives(scope: &Scope<'_>, play: &Play, host: &HostName, side: &Side) -> Vec<String> {
    let loaded = |module: &Module| match module {
        Module::Image(ImageTask::Load { file, .. }) => Some(file.clone()),
        _ => None,
    };
    let files: Vec<Text> = play.tasks.iter().filter_map(|task| loaded(&task.module)).collect();
    if files.is_empty() {
        return Vec::new();
    }
    let context = scope.context(host, side, Some(play));
    let filler = Filler { scope, context: &context, asked: &context, host, side, wanted: Wanted::All };
    files.iter().filter_map(|file| filler.text(file).ok()).collect()
}

impl Filler<'_> {
    pub(super) fn login(&self, login: &LoginTask) -> Filled<Login> {
        let registry = self.optional(login.registry.as_ref())?.unwrap_or_default();
        let (username, password) = (self.text(&login.username)?, self.text(&login.password)?);
        Login::new(&registry, &username, &password).map_err(|why| {
            let place = match &login.registry {
                Some(registry) if why.starts_with("`registry`") => registry,
                _ if why.starts_with("`username`") => &login.username,
                _ => &login.password,
            };
            at(place, why)
        })
    }

    pub(super) fn image(&self, image: &ImageTask) -> Filled<Wish> {
        Ok(match image {
            ImageTask::Pull(name) => Wish::Pull(self.image_name(name)?),
            ImageTask::Load { file, name } => Wish::Load(self.load(file, name)?),
            ImageTask::Build { dir, name, dockerfile, args } => Wish::Build(BuildImage {
                name: self.image_name(name)?,
                dir: self.path(dir)?,
                dockerfile: self.optional(dockerfile.as_ref())?,
                env: self.pairs(args)?,
            }),
        })
    }

    fn image_name(&self, name: &Text) -> Filled<String> {
        image_name(&self.text(name)?).map_err(|why| at(name, why))
    }

    fn load(&self, file: &Text, name: &Text) -> Filled<LoadImage> {
        let path = self.text(file)?;
        let archive = match self.scope.model.archives.get(&path) {
            Some(Ok(archive)) => archive,
            Some(Err(why)) => return Err(at(file, format!("{path} cannot be loaded: {why}"))),
            None => return Err(at(file, format!("{path} was not read"))),
        };
        let wanted = self.image_name(name)?;
        let Some(ids) = archive.ids(&wanted) else {
            let names = archive.names().join(", ");
            let holds = if names.is_empty() { "no image with a name".to_owned() } else { names };
            let help = "save it under this name: docker save NAME >FILE";
            return Err(at(name, format!("{path} does not hold {wanted}; it holds {holds}")).help(help));
        };
        Ok(LoadImage { name: wanted, file: path, size: archive.size, ids, path: archive.path.clone() })
    }
}
