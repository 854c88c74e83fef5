// Index of an invocation in a one-dimensional grid that may be folded into two dimensions (see grid1d).

const WORKGROUP = {{WORKGROUP}}u;

fn flat_index(id: vec3u, groups: vec3u) -> u32 {
  return id.x + id.y * groups.x * WORKGROUP;
}
