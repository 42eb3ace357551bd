//! Writes the place of libtorch into the binary, so that it runs without environment variables.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if let Ok(folder) = std::env::var("DEP_IDIOM_TORCH_EXT_LIBTORCH_LIB") {
        // The old kind of tag also serves libtorch's own libraries when they look for one another.
        println!("cargo::rustc-link-arg=-Wl,--disable-new-dtags,-rpath,{folder}");
    }
}
