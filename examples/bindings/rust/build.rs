//! Links libskafu: from the directory in SKAFU_LIB_DIR, else from where the linker looks.

fn main() {
    println!("cargo:rerun-if-env-changed=SKAFU_LIB_DIR");
    if let Ok(directory) = std::env::var("SKAFU_LIB_DIR") {
        println!("cargo:rustc-link-search=native={directory}");
    }
    println!("cargo:rustc-link-lib=dylib=skafu");
}
