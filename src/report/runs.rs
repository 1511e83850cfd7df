//! What the hosts run of a color: each service with its image, hosts that are alike on one line.

use console::measure_text_width;

use crate::model::{Color, HostName, Image, Images, host_list};
use crate::paint::{Paint, one_line};

/// The lines of the ending; none where no host was asked.
pub(super) fn lines<'r, R>(runs: R, color: Color, paint: Paint) -> Vec<String>
where
    R: IntoIterator<Item = (&'r HostName, &'r Images)>,
{
    let mut rows: Vec<([String; 3], Vec<&HostName>)> = Vec::new();
    for (host, images) in runs {
        for (service, image) in &images.0 {
            let cells = [one_line(service), one_line(&name(image)), one_line(&image.short())];
            match rows.iter_mut().find(|(other, _)| *other == cells) {
                Some((_, hosts)) => hosts.push(host),
                None => rows.push((cells, vec![host])),
            }
        }
    }
    rows.sort_by(|([one, ..], _), ([other, ..], _)| one.cmp(other));
    let mut widths = [0; 3];
    for (cells, _) in &rows {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = measure_text_width(cell).max(*width);
        }
    }
    let head = format!("{} runs", paint.color(color));
    let blank = " ".repeat(measure_text_width(&head));
    let heads = std::iter::once(head.as_str()).chain(std::iter::repeat(blank.as_str()));
    let row = |((cells, hosts), head): (&([String; 3], Vec<&HostName>), &str)| {
        let [service, name, id] = cells;
        let [service_width, name_width, id_width] = widths;
        let (service, name) = (padded(service, service_width), padded(name, name_width));
        let id = paint.dim(padded(id, id_width));
        format!("  {head}  {service}  {name}  {id}  on {}", host_list(hosts))
    };
    rows.iter().zip(heads).map(row).collect()
}

fn padded(cell: &str, width: usize) -> String {
    format!("{cell}{}", " ".repeat(width.saturating_sub(measure_text_width(cell))))
}

/// By which name its containers were made; on hosts with mirrors there may be several.
fn name(image: &Image) -> String {
    image.names.iter().map(String::as_str).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(services: &[(&str, &str, &str)]) -> Images {
        let image = |id: &str, name: &str| Image {
            ids: [format!("sha256:{}", id.repeat(32))].into(),
            names: [name.to_owned()].into(),
            ..Image::default()
        };
        let all = services.iter().map(|(service, id, name)| ((*service).to_owned(), image(id, name)));
        Images(all.collect())
    }

    #[test]
    fn hosts_that_are_alike_share_a_line() {
        let web = ("web", "ab", "my-server:0.0.2");
        let runs = [
            ("app1", images(&[web, ("worker", "cd", "jobs:7")])),
            ("app2", images(&[web])),
            ("app3", images(&[("web", "ab", "mirror/my-server:0.0.2")])),
        ];
        let runs: Vec<(HostName, Images)> =
            runs.into_iter().map(|(host, images)| (host.parse().unwrap(), images)).collect();
        let runs = runs.iter().map(|(host, images)| (host, images));
        insta::assert_snapshot!(lines(runs, Color::Green, Paint::PLAIN).join("\n"), @"
          green runs  web     my-server:0.0.2         sha256:abababababab  on app1, app2 (2 hosts)
                      web     mirror/my-server:0.0.2  sha256:abababababab  on app3
                      worker  jobs:7                  sha256:cdcdcdcdcdcd  on app1
        ");
        assert!(lines([], Color::Green, Paint::PLAIN).is_empty());
    }
}
