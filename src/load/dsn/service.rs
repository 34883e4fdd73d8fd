//! PostgreSQL's connection service file (PostgreSQL manual, libpq, "The Connection Service File").

use std::env;
use std::fs;
use std::path::PathBuf;

/// The settings of a service, as a connection string.
pub fn connection_string(name: &str) -> Result<String, String> {
    let of = |variable: &str| env::var_os(variable).map(PathBuf::from);
    let files = [
        of("PGSERVICEFILE").or_else(|| of("HOME").map(|home| home.join(".pg_service.conf"))),
        of("PGSYSCONFDIR").map(|directory| directory.join("pg_service.conf")),
    ];
    let texts = files.iter().flatten().filter_map(|file| fs::read_to_string(file).ok());
    let found = texts.filter_map(|text| section(&text, name)).next();
    found.ok_or_else(|| format!("no connection service file has a service {name:?}"))
}

fn section(text: &str, name: &str) -> Option<String> {
    let heading = |line: &&str| line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) == Some(name);
    let mut lines = text.lines().map(str::trim).skip_while(|line| !heading(line));
    lines.next()?;
    let settings = lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#'));
    let quoted =
        |(key, value): (&str, &str)| format!("{}='{}'", key.trim(), value.trim().replace('\\', "\\\\").replace('\'', "\\'"));
    let settings: Vec<String> = settings.filter_map(|line| line.split_once('=')).map(quoted).collect();
    Some(settings.join(" "))
}

#[cfg(test)]
mod tests {
    use super::section;

    #[test]
    fn services_are_read_by_their_name() {
        let text = "# ours\n[one]\nhost=a\n\n[two]\n# no\nhost = b\npassword=it's\n[three]\nhost=c\n";
        assert_eq!(section(text, "two").as_deref(), Some("host='b' password='it\\'s'"));
        assert_eq!(section(text, "four"), None);
    }
}
