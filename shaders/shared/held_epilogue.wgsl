// The epilogue of shaders that store many results of one channel: what it reads for the channel is read once.

{{EPILOGUE_BINDINGS}}

struct Held {
  {{HELD_MEMBERS}}
}

fn hold(channel: u32) -> Held {
  return Held({{HELD_LOADS}});
}

fn epilogue(acc: T, at: u32, held: Held) -> T {
{{EPILOGUE}}
}
