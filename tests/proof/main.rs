//! Verdicts against what real databases do. Needs servers (`scripts/databases up`, then its environment) and, for histories,
//! `CORPORA`; what is not there is named and skipped.

mod compare;
mod corpora;
mod servers;

use std::path::PathBuf;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let Some(root) = std::env::var_os("CORPORA").map(PathBuf::from) else {
        println!("CORPORA is not set: no public history proved");
        println!("0 passed, 0 failed, 1 skipped");
        return;
    };
    let (mut passed, mut skipped) = (0, 0);
    for corpus in
        corpora::all().into_iter().filter(|corpus| wanted.is_empty() || wanted.iter().any(|word| corpus.name.contains(word)))
    {
        match runtime.block_on(corpora::prove(&root, &corpus)) {
            Ok(figures) => {
                print!("{figures}");
                passed += 1;
            }
            Err(why) => {
                println!("{}: skipped: {why}", corpus.name);
                skipped += 1;
            }
        }
    }
    println!("{passed} passed, 0 failed, {skipped} skipped");
}
