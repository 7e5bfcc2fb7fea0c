//! Whether there is anything to draw with, asked before Bevy asks, which would stop the program.

use bevy::tasks::block_on;
use wgpu::{Instance, InstanceDescriptor, RequestAdapterOptions};

use crate::ViewerError;

/// Checks that a graphics driver can be used; its name.
///
/// # Errors
/// When there is none.
pub fn check_graphics() -> Result<String, ViewerError> {
    let instance = Instance::new(InstanceDescriptor::new_without_display_handle());
    match block_on(instance.request_adapter(&RequestAdapterOptions::default())) {
        Ok(adapter) => Ok(adapter.get_info().name),
        Err(error) => Err(ViewerError::Display(format!(
            "no graphics driver can be used ({error}); install one, on a machine without a graphics card the \
             package mesa-vulkan-drivers. `telos eval RUN --video FILE.mp4` and `telos render ENV` need none"
        ))),
    }
}

/// Checks that a window could be opened.
///
/// # Errors
/// When there is neither a Wayland nor an X11 display.
pub fn check_display() -> Result<(), ViewerError> {
    let named = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if named("WAYLAND_DISPLAY").or_else(|| named("WAYLAND_SOCKET")).is_some() {
        return Ok(());
    }
    let refused = |reason: String| {
        let advice = "pass --headless --out DIR to draw without a window, or run it under xvfb-run";
        Err(ViewerError::Display(format!("no window can be opened: {reason}; {advice}")))
    };
    let Some(display) = named("DISPLAY") else {
        return refused("neither DISPLAY nor WAYLAND_DISPLAY is set".into());
    };
    // A display of this machine, `:N` or `:N.S`, is a socket; one of another machine is left to X.
    let number = display.strip_prefix(':').map(|rest| rest.split('.').next().unwrap_or(rest));
    match number {
        Some(number) if !std::path::Path::new(&format!("/tmp/.X11-unix/X{number}")).exists() => {
            refused(format!("DISPLAY is `{display}`, and no X server is there"))
        }
        _ => Ok(()),
    }
}
