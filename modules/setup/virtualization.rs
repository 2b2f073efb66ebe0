//! Whether the host is a guest, and of what.

use serde_json::{Map, Value};

use super::sections::{Sections, set};

pub(super) fn gather(sections: &Sections<'_>, found: &mut Map<String, Value>) {
    let said = sections.pairs("virtual");
    let get = |key: &str| said.get(key).copied().unwrap_or_default();
    let detected = match get("detected") {
        "" | "none" if !get("container").is_empty() => get("container"),
        "" | "none" if !get("dockerenv").is_empty() => "docker",
        "" | "none" if !get("containerenv").is_empty() => "podman",
        "" if get("product").contains("VirtualBox") => "oracle",
        "" if get("product").contains("VMware") => "vmware",
        "" if get("vendor").contains("Microsoft") => "microsoft",
        "" if get("vendor").contains("QEMU") || get("product").contains("KVM") => "kvm",
        "" if get("vendor").contains("Amazon") => "amazon",
        "" if !get("xen").is_empty() => "xen",
        "" if !get("hypervisor").is_empty() => "kvm",
        detected => detected,
    };
    let (kind, role) = match detected {
        "" | "none" if !get("kvm").is_empty() => ("kvm", "host"),
        "" | "none" => ("NA", "NA"),
        "systemd-nspawn" | "container-other" => ("container", "guest"),
        "lxc-libvirt" => ("lxc", "guest"),
        "oracle" => ("virtualbox", "guest"),
        "vmware" => ("VMware", "guest"),
        "microsoft" => ("VirtualPC", "guest"),
        "qemu" | "amazon" | "google" => ("kvm", "guest"),
        other => (other, "guest"),
    };
    set(found, "virtualization_type", kind);
    set(found, "virtualization_role", role);
    let guest = match (role, detected) {
        ("guest", "systemd-nspawn") => vec!["systemd-nspawn", "container"],
        ("guest", "docker" | "podman" | "lxc") => vec![kind, "container"],
        ("guest", _) => vec![kind],
        _ => vec![],
    };
    set(found, "virtualization_tech_guest", guest);
    let host = if get("kvm").is_empty() { vec![] } else { vec!["kvm"] };
    set(found, "virtualization_tech_host", host);
}
