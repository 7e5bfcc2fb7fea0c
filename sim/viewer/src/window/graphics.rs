//! Whether there is anything to draw with, asked before Bevy asks, which would stop the program.

use bevy::{prelude::*, tasks::block_on};
use wgpu::{DeviceType, Instance, InstanceDescriptor, RequestAdapterOptions};

use crate::ViewerError;

/// How finely it is drawn.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quality {
    /// As a graphics card can: smooth edges and shadows.
    #[default]
    Fine,
    /// As a processor can that plays the graphics card, at several frames per second.
    Quick,
}

impl Quality {
    pub(super) fn cascades(self) -> usize {
        if self == Self::Fine { 3 } else { 1 }
    }

    /// Pixels along a side of the map of shadows.
    pub(super) fn shadow_map(self) -> usize {
        if self == Self::Fine { 2048 } else { 1024 }
    }

    pub(super) fn antialiasing(self) -> Msaa {
        if self == Self::Fine { Msaa::Sample4 } else { Msaa::Off }
    }
}

/// Checks that a graphics driver can be used, and how finely it can draw in time for a window.
///
/// # Errors
/// When there is none.
pub fn check_graphics() -> Result<Quality, ViewerError> {
    let instance = Instance::new(InstanceDescriptor::new_without_display_handle());
    match block_on(instance.request_adapter(&RequestAdapterOptions::default())) {
        Ok(adapter) if adapter.get_info().device_type == DeviceType::Cpu => Ok(Quality::Quick),
        Ok(_) => Ok(Quality::Fine),
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
