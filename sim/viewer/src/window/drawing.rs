//! The scene as Bevy's entities: one for each geom, kept from frame to frame.

use std::collections::HashMap;

use bevy::{
    camera::Exposure,
    core_pipeline::tonemapping::Tonemapping,
    light::{CascadeShadowConfigBuilder, DirectionalLightShadowMap, GlobalAmbientLight},
    pbr::{DistanceFog, FogFalloff},
    prelude::*,
};
use bevy_egui::PrimaryEguiContext;
use telos::sim::{Scene, Shape, render::SUN};

use super::{
    Canvas, Quality, ground,
    meshes::{Form, MeshShelf, form},
};
use crate::Viewer;

/// The colour of the sky at the horizon, that of the renderer on the processor.
pub(super) const HORIZON: Color = Color::srgb(0.84, 0.89, 0.94);
/// Light of the sun, lux, and of everything else, candela per square metre: a plane in the sun has nearly its
/// own colour, and one in the shadow three fifths of it on the screen, as in the pictures of the processor.
const SUNLIGHT: f32 = 2900.0;
const SKYLIGHT: f32 = 330.0;
/// Shadows are drawn up to this distance, metres.
const SHADOWS: f32 = 60.0;

/// The camera that draws the scene.
#[derive(Component)]
pub(super) struct Eye;

/// What an entity shows, to see when it has to change.
#[derive(Component, PartialEq)]
pub(super) struct Part {
    form: Form,
    rgba: [u32; 4],
}

/// Entities of the scene's geoms, in order, and the materials that were made.
#[derive(Resource, Default)]
pub(super) struct Parts {
    entities: Vec<Entity>,
    materials: HashMap<(bool, [u32; 4]), Handle<StandardMaterial>>,
    pattern: Handle<Image>,
    /// Side of the ground's squares, metres.
    square: f32,
}

/// Camera and sun.
pub(super) fn set_up(
    mut commands: Commands,
    canvas: Res<Canvas>,
    quality: Res<Quality>,
    mut images: ResMut<Assets<Image>>,
    viewer: NonSend<Viewer>,
) {
    let camera = &viewer.scene().camera;
    let square = ground::square(Vec3::from(camera.target).distance(Vec3::from(camera.eye)));
    commands.insert_resource(Parts { pattern: images.add(ground::pattern()), square, ..default() });
    commands.init_resource::<MeshShelf>();
    commands.insert_resource(DirectionalLightShadowMap { size: quality.shadow_map() });
    commands.insert_resource(GlobalAmbientLight { color: Color::WHITE, brightness: SKYLIGHT, ..default() });
    commands.spawn((
        DirectionalLight { illuminance: SUNLIGHT, shadow_maps_enabled: true, ..default() },
        CascadeShadowConfigBuilder {
            num_cascades: quality.cascades(),
            maximum_distance: SHADOWS,
            ..default()
        }
        .build(),
        Transform::from_translation(Vec3::from(SUN)).looking_at(Vec3::ZERO, Vec3::Z),
    ));
    commands.spawn((
        Camera3d::default(),
        canvas.target(),
        Exposure::default(),
        Tonemapping::None,
        DistanceFog {
            color: HORIZON,
            falloff: FogFalloff::ExponentialSquared { density: 0.03 },
            ..default()
        },
        quality.antialiasing(),
        PrimaryEguiContext,
        Eye,
    ));
}

/// Puts the camera where the rig has it.
pub(super) fn aim(viewer: NonSend<Viewer>, eye: Single<(&mut Transform, &mut Projection), With<Eye>>) {
    let camera = &viewer.scene().camera;
    let (mut transform, mut projection) = eye.into_inner();
    let (from, to) = (Vec3::from(camera.eye), Vec3::from(camera.target));
    // Seen from straight above, y is upwards in the picture.
    let above = (to - from).cross(Vec3::Z).length() < 1e-4 * (to - from).length();
    *transform = Transform::from_translation(from).looking_at(to, if above { Vec3::Y } else { Vec3::Z });
    let near = 0.02 * from.distance(to).clamp(0.05, 5.0);
    *projection = PerspectiveProjection { fov: camera.fovy.to_radians(), near, ..default() }.into();
}

/// Brings the entities up to the scene.
pub(super) fn draw(
    mut commands: Commands,
    viewer: NonSend<Viewer>,
    mut parts: ResMut<Parts>,
    mut shelf: ResMut<MeshShelf>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
    mut known: Query<(&mut Transform, &mut Part)>,
) {
    let scene = viewer.scene();
    for (index, geom) in scene.geoms.iter().enumerate() {
        let (form, stretch) = form(&geom.shape);
        let transform = placed(scene, index, stretch, parts.square);
        let part = Part { form, rgba: geom.rgba.map(f32::to_bits) };
        let entity = parts.entities.get(index).copied();
        if let Some((mut old, shown)) = entity.and_then(|entity| known.get_mut(entity).ok())
            && *shown == part
        {
            *old = transform;
            continue;
        }
        let mesh = shelf.get(&part.form, &geom.shape, &mut meshes);
        let material = material(&mut parts, &part, geom.rgba, &mut materials);
        let bundle = (Mesh3d(mesh), MeshMaterial3d(material), transform, part);
        match entity {
            Some(entity) => _ = commands.entity(entity).insert(bundle),
            None => parts.entities.push(commands.spawn(bundle).id()),
        }
    }
    let shown = scene.geoms.len().min(parts.entities.len());
    for entity in parts.entities.drain(shown..) {
        commands.entity(entity).despawn();
    }
}

/// Where a geom is. One that is not finite is nowhere; the ground follows the camera.
fn placed(scene: &Scene, index: usize, stretch: Vec3, square: f32) -> Transform {
    let geom = &scene.geoms[index];
    let rotation = Quat::from_array(geom.orientation);
    let translation = Vec3::from(geom.position);
    if !(translation.is_finite() && rotation.is_finite()) {
        return Transform::from_scale(Vec3::ZERO);
    }
    let mut transform = Transform { translation, rotation: rotation.normalize(), scale: stretch };
    if matches!(geom.shape, Shape::Plane) && rotation.xyz().length() < 1e-3 {
        transform.translation += ground::snapped(Vec3::from(scene.camera.target) - translation, square);
    }
    transform
}

fn material(
    parts: &mut Parts,
    part: &Part,
    [red, green, blue, alpha]: [f32; 4],
    materials: &mut Assets<StandardMaterial>,
) -> Handle<StandardMaterial> {
    let is_ground = part.form == Form::Ground;
    if let Some(known) = parts.materials.get(&(is_ground, part.rgba)) {
        return known.clone();
    }
    let light = if is_ground { ground::LIGHT } else { 1.0 };
    let material = StandardMaterial {
        base_color: Color::srgba(light * red, light * green, light * blue, alpha),
        base_color_texture: is_ground.then(|| parts.pattern.clone()),
        uv_transform: ground::uv_transform(parts.square),
        alpha_mode: if alpha < 1.0 { AlphaMode::Blend } else { AlphaMode::Opaque },
        perceptual_roughness: if is_ground { 1.0 } else { 0.6 },
        reflectance: if is_ground { 0.0 } else { 0.25 },
        fog_enabled: is_ground,
        ..default()
    };
    let handle = materials.add(material);
    parts.materials.insert((is_ground, part.rgba), handle.clone());
    handle
}
