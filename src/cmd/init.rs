//! `bgctl init`: an inventory, a playbook and templates of a shape, with the user's names filled in.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use fs_err as fs;
use serde_json::json;

use crate::cli::InitArgs;
use crate::model::AppName;
use crate::paint;
use crate::shapes::{Machine, Names, Shape, ShapeFile};

use super::failure::{Failure, FailureKind};
use super::session::Session;

const USER: &str = "deploy";

pub(super) fn run(session: &Session, args: &InitArgs) -> Result<u8, Failure> {
    refuse_flags_of_others(shape_of(args), args)?;
    let missing = missing(args);
    let (shape, names) = if missing.is_empty() {
        (shape_of(args), given(session, args)?)
    } else if session.ui.can_ask() {
        asked(session, args)?
    } else {
        let (flags, values): (Vec<&str>, Vec<&str>) = missing.into_iter().unzip();
        return Err(usage(format!("{} is missing, and stdin is not a terminal to ask at", flags.join(", ")))
            .hint("beside what you gave, say")
            .run(format!("bgctl init --shape {}{}", shape_of(args).name(), values.concat())));
    };
    names.check().map_err(usage)?;
    let files = shape.files(&names);
    if !args.force {
        refuse_others(&args.folder, &files)?;
    }
    for file in &files {
        write(&args.folder, file)?;
    }
    session.result(&told(session, args, shape, &names, &files))?;
    Ok(0)
}

/// The shape that was asked for: by its name, by the flag that only one has, or the usual one.
fn shape_of(args: &InitArgs) -> Shape {
    let implied = if args.host.is_some() { Shape::SingleHost } else { Shape::MultiHost };
    args.shape.unwrap_or(implied)
}

/// What has no default and was not given: the flag, and how it is written.
fn missing(args: &InitArgs) -> Vec<(&'static str, &'static str)> {
    // Of a flag that the shape does not have, more is said later.
    let is_one_host = shape_of(args).is_one_host() || args.host.is_some();
    let wanted = [
        (args.app.is_none(), ("--app", " --app NAME")),
        (is_one_host && args.host.is_none(), ("--host", " --host HOST")),
        (!is_one_host && args.load_balancers.is_empty(), ("--load-balancers", " --load-balancers HOSTS")),
        (!is_one_host && args.app_servers.is_empty(), ("--app-servers", " --app-servers HOSTS")),
    ];
    wanted.into_iter().filter_map(|(is_missing, flag)| is_missing.then_some(flag)).collect()
}

fn given(session: &Session, args: &InitArgs) -> Result<Names, Failure> {
    let hosts = hosts(shape_of(args), args)?;
    let app = args.app.clone().ok_or_else(|| usage("--app is missing".to_owned()))?;
    Ok(names(session, args, app, hosts))
}

/// Load balancers and app servers, as the flags of the shape name them.
fn hosts(shape: Shape, args: &InitArgs) -> Result<(Vec<Machine>, Vec<Machine>), Failure> {
    match &args.host {
        Some(host) => Ok((Vec::new(), vec![host.clone()])),
        None if shape.is_one_host() => Err(usage("--host is missing".to_owned())),
        None => Ok((args.load_balancers.clone(), args.app_servers.clone())),
    }
}

/// Hosts that the shape has no place for are not left out without a word.
fn refuse_flags_of_others(shape: Shape, args: &InitArgs) -> Result<(), Failure> {
    if shape.is_one_host() && !(args.load_balancers.is_empty() && args.app_servers.is_empty()) {
        return Err(usage("single-host has one host: --host HOST".to_owned())
            .hint("say --host alone, or a --shape that has load balancers and app servers"));
    }
    if !shape.is_one_host() && args.host.is_some() {
        return Err(usage(format!("--host is for single-host, and this is {}", shape.name()))
            .hint("say --shape single-host, or --load-balancers and --app-servers"));
    }
    Ok(())
}

fn names(session: &Session, args: &InitArgs, app: AppName, hosts: (Vec<Machine>, Vec<Machine>)) -> Names {
    let (load_balancers, app_servers) = hosts;
    Names {
        image: args.image.clone().unwrap_or_else(|| usual_image(&app)),
        app,
        user: session.cli.globals.user.clone().unwrap_or_else(|| USER.to_owned()),
        ports: [args.blue_port, args.green_port],
        load_balancers,
        app_servers,
    }
}

fn usual_image(app: &AppName) -> String {
    format!("{app}:{{{{ version }}}}")
}

/// Asks for everything that was not given, also for what has a default.
fn asked(session: &Session, args: &InitArgs) -> Result<(Shape, Names), Failure> {
    let shape = match (args.shape, &args.host) {
        (Some(shape), _) => shape,
        (None, Some(_)) => Shape::SingleHost,
        (None, None) => {
            let lines = Shape::ALL.map(|shape| format!("  {:16}{}\n", shape.name(), shape.summary()));
            session.ui.say(&lines.concat());
            ask(session, "Shape", Some(Shape::MultiHost.name()), |word| {
                Shape::named(word).ok_or_else(|| format!("{word:?} is none of these"))
            })?
        }
    };
    let app = match &args.app {
        Some(app) => app.clone(),
        None => ask(session, "Name of the app", None, |word| word.parse::<AppName>().map_err(text))?,
    };
    let mut args = args.clone();
    refuse_flags_of_others(shape, &args)?;
    if shape.is_one_host() && args.host.is_none() {
        args.host = Some(ask(session, "Host, as NAME or NAME=ADDRESS", None, machine)?);
    }
    if !shape.is_one_host() && args.load_balancers.is_empty() {
        args.load_balancers = ask(session, "Load balancers, with commas between", None, machines)?;
    }
    if !shape.is_one_host() && args.app_servers.is_empty() {
        args.app_servers = ask(session, "App servers, with commas between", None, machines)?;
    }
    if args.image.is_none() {
        let usual = usual_image(&app);
        args.image = Some(ask(session, "Image", Some(&usual), |word| Ok(word.to_owned()))?);
    }
    let hosts = hosts(shape, &args)?;
    let mut names = names(session, &args, app, hosts);
    if session.cli.globals.user.is_none() {
        names.user = ask(session, "User to log in as", Some(USER), |word| Ok(word.to_owned()))?;
    }
    Ok((shape, names))
}

/// Asks until the answer can be read. An empty one is the default, where there is one.
fn ask<T>(
    session: &Session,
    question: &str,
    default: Option<&str>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Failure> {
    let shown = default.map_or_else(|| question.to_owned(), |default| format!("{question} [{default}]"));
    loop {
        let answer = session.ui.ask(&shown).map_err(|error| Failure::of(FailureKind::Usage, &error))?;
        let answer = answer.ok_or_else(|| usage("nobody answers; nothing was written".to_owned()))?;
        let word = if answer.is_empty() { default.unwrap_or_default() } else { &answer };
        match read(word) {
            Ok(value) => return Ok(value),
            Err(problem) => session.ui.say(&format!("  {problem}\n")),
        }
    }
}

fn machine(word: &str) -> Result<Machine, String> {
    word.parse::<Machine>().map_err(text)
}

fn machines(words: &str) -> Result<Vec<Machine>, String> {
    words.split(',').map(|word| machine(word.trim())).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn text(error: impl ToString) -> String {
    error.to_string()
}

/// Nothing is written where that would replace anything: every file in the way is named. A file that says the same
/// already is in nobody's way.
fn refuse_others(folder: &Path, files: &[ShapeFile]) -> Result<(), Failure> {
    let in_the_way = |file: &&ShapeFile| {
        let path = folder.join(&file.path);
        path.symlink_metadata().is_ok() && fs::read_to_string(path).ok().as_ref() != Some(&file.text)
    };
    let paths: Vec<String> =
        files.iter().filter(in_the_way).map(|file| folder.join(&file.path).display().to_string()).collect();
    if paths.is_empty() {
        return Ok(());
    }
    let what = if paths.len() == 1 { "a file is there already" } else { "files are there already" };
    Err(usage(format!("{what}: {}; nothing was written", paths.join(", ")))
        .hint("write into another folder, or say --force to overwrite"))
}

fn write(folder: &Path, file: &ShapeFile) -> Result<(), Failure> {
    let path = folder.join(&file.path);
    // A link is replaced: what it points to is another file, which nobody named.
    let is_link = path.symlink_metadata().is_ok_and(|there| there.is_symlink());
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| if is_link { fs::remove_file(&path) } else { Ok(()) })
        .and_then(|()| fs::write(&path, &file.text));
    written.map_err(|error| Failure::of(FailureKind::Failed, &error))
}

/// What was written, and what comes next.
fn told(session: &Session, args: &InitArgs, shape: Shape, names: &Names, files: &[ShapeFile]) -> String {
    let at = |path: &str| {
        args.folder
            .join(path)
            .strip_prefix(".")
            .map_or_else(|_| args.folder.join(path).display().to_string(), |path| path.display().to_string())
    };
    let inventory = at(&format!("inventories/{}.yml", names.app));
    let version = if names.image.replace(' ', "").contains("{{version}}") { " -e version=1.0.0" } else { "" };
    let quoted = shlex::try_quote(&inventory).unwrap_or(Cow::Borrowed(&inventory));
    let next = format!("bgctl plan -i {quoted}{version} --diff");
    if session.json() {
        let files: Vec<String> = files.iter().map(|file| at(&file.path)).collect();
        return paint::json(&format!("{}\n", json!({ "shape": shape.name(), "files": files, "next": next })));
    }
    let paint = session.ui.out_paint();
    let mut text = format!("Written, for {} as {}:\n", names.app, shape.name());
    for file in files {
        let _ = writeln!(text, "  {}", at(&file.path));
    }
    if let Some((example, what)) = shape.prerequisite() {
        let _ =
            writeln!(text, "\nThe hosts have to have {what} already; {} is an example of it.", at(example));
    }
    if let Some(variables) = shape.environment() {
        let _ = writeln!(text, "\nSet in your environment: {variables}.");
    }
    let _ = writeln!(text, "\nRead them, change what is different with you, then:\n  {}", paint.cyan(next));
    text
}

fn usage(text: String) -> Failure {
    Failure::new(FailureKind::Usage, text)
}
