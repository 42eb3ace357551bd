//! Compiles the C++ shim against the same libtorch that `torch-sys` found, and passes its folder on.
//!
//! `torch-sys` (`links = "tch"`) says where the libraries lie; the headers lie beside them unless `LIBTORCH_INCLUDE` names
//! another place. Dependents read `DEP_IDIOM_TORCH_EXT_LIBTORCH_LIB` and can write it into their binaries as an rpath.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=shim");
    println!("cargo::rerun-if-env-changed=LIBTORCH_INCLUDE");
    println!("cargo::rerun-if-env-changed=LIBTORCH_CXX11_ABI");

    let libraries = PathBuf::from(
        env::var("DEP_TCH_LIBTORCH_LIB")
            .expect("`torch-sys` passes on the folder of libtorch's libraries"),
    );
    let root = match env::var_os("LIBTORCH_INCLUDE") {
        Some(folder) => PathBuf::from(folder),
        None => libraries
            .parent()
            .expect("libtorch's libraries lie in a folder `lib`")
            .to_path_buf(),
    };
    // The string layout of the C++ library must be the one libtorch was built with; all wheels of 2.11 use the new one.
    let abi = env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".to_owned());

    // Both lie in a libtorch with CUDA as `fetch_libtorch.py` makes it.
    let nvidia = root.join("include/nvidia");
    let has_nccl = libraries.join("libtorch_cuda.so").is_file() && nvidia.join("nccl.h").is_file();

    let mut shim = cc::Build::new();
    shim.cpp(true)
        .pic(true)
        .std("c++17")
        .warnings(false)
        .include(root.join("include"))
        .include(root.join("include/torch/csrc/api/include"))
        .define("_GLIBCXX_USE_CXX11_ABI", abi.as_str())
        .include("shim")
        .define("USE_DISTRIBUTED", None)
        .define("USE_C10D_GLOO", None)
        .file("shim/shim.cpp")
        .file("shim/process_group.cpp");
    if has_nccl {
        shim.include(&nvidia)
            .define("IDIOM_NCCL", None)
            .define("USE_C10D_NCCL", None)
            .file("shim/nccl.cpp");
    }
    shim.compile("idiom_torch_ext_shim");

    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", libraries.display());
    println!("cargo::metadata=LIBTORCH_LIB={}", libraries.display());
}
