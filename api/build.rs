//! Builds anew when the web app was built anew: its files go into the binary.
#![allow(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // A path that does not exist would make every build a new one.
    for path in ["../ui/dist", "../ui"] {
        if std::fs::metadata(path).is_ok() {
            println!("cargo:rerun-if-changed={path}");
            return;
        }
    }
}
