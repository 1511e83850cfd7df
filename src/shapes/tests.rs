use super::*;

fn machines(words: &str) -> Vec<Machine> {
    words.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

fn names(shape: Shape, hosts: &str) -> Names {
    Names {
        app: "web-shop".parse().unwrap(),
        image: "registry.example.com/shop:{{ version }}".to_owned(),
        user: "ops".to_owned(),
        ports: [18081, 28081],
        load_balancers: if shape.is_one_host() { Vec::new() } else { machines("edge1 edge2=198.51.100.2") },
        app_servers: machines(hosts),
    }
}

fn file(files: &[ShapeFile], path: &str) -> String {
    files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}")).text.clone()
}

/// nginx takes `$1shop_color` for what a regular expression has found.
#[test]
fn an_app_that_begins_with_a_digit_has_a_variable_of_nginx_that_does_not() {
    let names = Names { app: "1shop".parse().unwrap(), ..names(Shape::PrimaryBackup, "a b") };
    let site = file(&Shape::PrimaryBackup.files(&names), "templates/backup-site.conf.hbs");
    assert!(site.contains("X-Color $app_1shop_color") && !site.contains("$1shop"), "{site}");
}

#[test]
fn every_file_of_every_shape_is_shipped_and_none_is_left_over() {
    let mut used: Vec<String> = Vec::new();
    for shape in Shape::ALL {
        let files = shape.files(&names(shape, "a b"));
        let (inventory, playbook) = shape.stems();
        let mut sources = vec![format!("inventories/{inventory}.yml"), format!("playbooks/{playbook}.yml")];
        sources.extend(shape.templates().iter().map(|name| format!("templates/{name}")));
        sources.extend(shape.prerequisite().map(|(path, _)| path.to_owned()));
        assert_eq!(files.len(), sources.len(), "{shape:?}");
        used.extend(sources);
    }
    // An alternative to what a shape has, for those who name it.
    used.push("templates/site-tls.conf.hbs".to_owned());
    for file in SHIPPED {
        assert!(used.iter().any(|path| path == file.path), "{} belongs to no shape", file.path);
    }
}

#[test]
fn nothing_of_the_examples_is_left() {
    for shape in Shape::ALL {
        for file in shape.files(&names(shape, "node1=203.0.113.7 node2")) {
            for example in [
                "my-server",
                "my_server",
                "18080",
                "192.0.2.",
                "lb1",
                "app1",
                "app2",
                "web1",
                "ansible_user: deploy",
            ] {
                assert!(!file.text.contains(example), "{}: {example} in\n{}", file.path, file.text);
            }
        }
    }
}

#[test]
fn a_line_of_a_host_becomes_one_for_each() {
    let files = Shape::MultiHost.files(&names(Shape::MultiHost, "node1=203.0.113.7 node2 node3=203.0.113.9"));
    let inventory = file(&files, "inventories/web-shop.yml");
    let hosts = "    load_balancers:
      hosts:
        edge1:
        edge2: { ansible_host: 198.51.100.2 }
    app_servers:
      hosts:
        node1: { ansible_host: 203.0.113.7 }
        node2:
        node3: { ansible_host: 203.0.113.9 }
";
    assert!(inventory.ends_with(hosts), "{inventory}");
    assert!(inventory.contains("{{ inventory_dir }}/../playbooks/web-shop.yml"), "{inventory}");
    let files = Shape::Command.files(&names(Shape::Command, "node1=203.0.113.7 node2"));
    let haproxy = file(&files, "examples/haproxy.cfg");
    let servers = "    server node1 203.0.113.7:28081\n    server node2 node2:28081\n";
    assert!(haproxy.ends_with(servers), "{haproxy}");
    assert!(haproxy.contains("backend web-shop-blue\n"), "{haproxy}");
}

#[test]
fn what_was_put_in_is_not_taken_for_an_example() {
    let mut names = names(Shape::UpstreamBlock, "my-server-18080=app1.example.com lb1");
    names.app = "my-server-18081".parse().unwrap();
    names.image = "my-server/my-server:{{ version }}".to_owned();
    let files = Shape::UpstreamBlock.files(&names);
    let nginx = file(&files, "examples/nginx.conf");
    assert_eq!(nginx.matches("        server app1.example.com:18081;\n").count(), 2, "{nginx}");
    assert_eq!(nginx.matches("        server lb1:28081;\n").count(), 1, "{nginx}");
    assert!(nginx.contains("$my_server_18081_color"), "{nginx}");
    let playbook = file(&files, "playbooks/my-server-18081.yml");
    assert!(playbook.contains("image: \"my-server/my-server:{{ version }}\"\n"), "{playbook}");
    assert!(playbook.contains("blue: { port: 18081 }\n  green: { port: 28081 }\n"), "{playbook}");
}

#[test]
fn an_image_of_a_registry_is_pulled_from_it() {
    let registry = |image: &str| {
        let names = Names { image: image.to_owned(), ..names(Shape::SingleHost, "one") };
        let playbook = file(&Shape::SingleHost.files(&names), "playbooks/web-shop.yml");
        playbook
            .lines()
            .find(|line| line.contains(" registry: \"") && !line.contains("{{"))
            .unwrap()
            .to_owned()
    };
    assert!(registry("registry.example.com:5000/shop:1").contains("\"registry.example.com:5000\""));
    for image in ["shop:{{ version }}", "library/shop:1"] {
        assert!(registry(image).contains("registry: \"\""), "{image}");
    }
}

#[test]
fn root_becomes_nobody() {
    let inventory = |user: &str| {
        let names = Names { user: user.to_owned(), ..names(Shape::SingleHost, "one") };
        file(&Shape::SingleHost.files(&names), "inventories/web-shop.yml")
    };
    assert!(inventory("ops").contains("    ansible_user: ops\n    ansible_become: true\n"));
    assert!(inventory("root").contains("    ansible_user: root\n  children:"), "{}", inventory("root"));
}

#[test]
fn what_would_break_a_file_is_refused() {
    for host in ["", "-a", "a b", "a:b", "a\"", "a=", "=b", "a={{ x }}", "a=2001:db8::1"] {
        assert!(host.parse::<Machine>().is_err(), "{host:?}");
    }
    let good = names(Shape::MultiHost, "a b");
    assert_eq!(good.check(), Ok(()));
    for (bad, why) in [
        (Names { image: "shop\"".to_owned(), ..good.clone() }, "is no image"),
        (Names { image: " ".to_owned(), ..good.clone() }, "is no image"),
        (Names { user: "a b".to_owned(), ..good.clone() }, "is no name of a user"),
        (Names { ports: [80, 80], ..good.clone() }, "both have port 80"),
        (Names { app_servers: machines("a edge1"), ..good.clone() }, "edge1 is named twice"),
    ] {
        let problem = bad.check().unwrap_err();
        assert!(problem.contains(why), "{problem}");
    }
}

#[test]
fn what_is_built_in_is_found_by_its_name() {
    assert!(built_in("blue-green.yml").unwrap().contains("name: my-server"));
    assert!(built_in("site.conf.hbs").unwrap().contains("upstream {{ app }}"));
    assert_eq!(built_in("nginx.conf"), None);
    assert_eq!(built_in(""), None);
}
