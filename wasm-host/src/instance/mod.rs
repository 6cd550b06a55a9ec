//! One module in its sandbox: a store of its own, limits, a deadline for every call, windows onto foreign memory.
//!
//! [`Blueprint`] is what instances of a stage have in common, [`Instance`] is one of them, [`Preprocess`],
//! [`Detect`] and `Filter` know what their role's export reads and writes. [`Chain`] passes a frame through the first
//! two, [`FrameFilter`] through the third; both rebuild what a frame has broken.

mod call;
mod chain;
mod describe;
mod detect;
mod filter;
mod frames;
mod limits;
mod output;
mod preprocess;
mod recycle;
mod state;
mod suggest;

use std::{sync::Arc, time::Duration};

use edgevision_abi::ABI_VERSION;
use wasmtime::{InstancePre, Memory, Store, TypedFunc, WasmParams, WasmResults, component};

pub(crate) use call::describe_trap;
pub(crate) use chain::{Chain, Plan};
pub(crate) use filter::FrameFilter;
pub(crate) use limits::Limiter;
pub(crate) use state::{HostState, Inference, Refusal};
pub(crate) use suggest::suggestion;

use self::{
    call::{Failure, Sandbox, Site},
    describe::{begin_reading, describe, host_failure},
    detect::{Detect, Found},
    frames::FrameWindows,
    output::OutputWindow,
    preprocess::Preprocess,
};
use crate::{
    abi::{GuestMemory, Plain, Shows, Span},
    arena::{Access, TensorSlot, Window, WindowError},
    extras::LandmarkScheme,
    imports,
    job::Limits,
    module::{Code, Module},
    nn::{Model, Session},
};

/// Least time for instantiation and `edgevision_init` together each; language runtimes start in there.
const START_BUDGET: Duration = Duration::from_secs(2);

/// What all instances of one stage have in common.
pub(crate) struct Blueprint {
    name: Arc<str>,
    camera: Arc<str>,
    params: Arc<[u8]>,
    limits: Limits,
    landmarks: Arc<LandmarkScheme>,
    /// Only for modules that ask for one.
    model: Option<Arc<dyn Model>>,
    linked: Linked,
}

/// What instances are made from: the code and the host functions that it asks for.
enum Linked {
    Core(InstancePre<HostState>),
    Component(component::InstancePre<HostState>),
}

/// What [`Blueprint::new`] needs to know about a stage.
pub(crate) struct StageSetup<'a> {
    pub(crate) module: &'a Module,
    pub(crate) camera: &'a str,
    pub(crate) params: Arc<[u8]>,
    pub(crate) limits: Limits,
    pub(crate) model: Option<Arc<dyn Model>>,
}

impl Blueprint {
    /// Links a module. The error is a sentence.
    pub(crate) fn new(setup: StageSetup<'_>) -> Result<Arc<Self>, String> {
        let info = setup.module.info();
        let name: Arc<str> = info.name.as_str().into();
        let linked = match setup.module.code() {
            Code::Core(module) => imports::linker()?.instantiate_pre(module).map(Linked::Core),
            Code::Component(component) => {
                imports::component_linker()?.instantiate_pre(component).map(Linked::Component)
            }
        };
        let linked = linked.map_err(|error| format!("module {name}: {}", error.root_cause()))?;
        Ok(Arc::new(Self {
            name,
            camera: setup.camera.into(),
            params: setup.params,
            limits: setup.limits,
            landmarks: info.landmarks.clone().unwrap_or_default(),
            model: setup.model.filter(|_| imports::needs_model(&info.imports)),
            linked,
        }))
    }

    fn start_site(&self, name: &'static str) -> Site {
        Site { name, role: None, frame: None, budget: self.limits.deadline.max(START_BUDGET) }
    }
}

/// A module that runs.
pub(crate) struct Instance {
    frames: FrameWindows,
    output: OutputWindow,
    tensor: Option<Window>,
    sandbox: Sandbox,
    memory: Memory,
    exports: wasmtime::Instance,
}

impl Instance {
    /// Instantiates and initialises. A session of the instance before saves making a new one.
    fn start(blueprint: &Arc<Blueprint>, session: Option<Box<dyn Session>>) -> Result<Self, String> {
        let Linked::Core(linked) = &blueprint.linked else {
            return Err(format!("module {}: is a component, a core module is wanted here", blueprint.name));
        };
        let mut sandbox = Sandbox::new(blueprint, session);
        let exports = linked.instantiate(&mut sandbox.store);
        let exports = exports.map_err(|error| sandbox.cannot_start(&error))?;
        let memory = exports.get_memory(&mut sandbox.store, "memory");
        let memory = memory.ok_or_else(|| format!("module {}: exports no memory", blueprint.name))?;
        sandbox.store.data_mut().memory = Some(memory);
        let frames = FrameWindows::default();
        let mut instance =
            Self { frames, output: OutputWindow::default(), tensor: None, sandbox, memory, exports };
        instance.initialise()?;
        Ok(instance)
    }

    fn initialise(&mut self) -> Result<(), String> {
        // Reactors of some toolchains run their constructors here.
        if let Ok(reactor) = self.function::<(), ()>("_initialize") {
            let site = self.sandbox.blueprint.start_site("_initialize");
            self.enter(&reactor, (), site).map_err(|failure| failure.message)?;
        }
        let version = self.ask("edgevision_abi_version")?;
        if version != ABI_VERSION {
            return Err(format!(
                "module {}: built for ABI version {version}, this host has {ABI_VERSION}; build it again with the \
                 matching SDK",
                self.sandbox.blueprint.name
            ));
        }
        let init = self.function::<(), i32>("edgevision_init")?;
        let site = self.sandbox.blueprint.start_site("edgevision_init");
        self.enter_for_status(&init, (), site).map_err(|failure| failure.message)
    }

    /// Calls an export without parameters that returns a number.
    fn ask(&mut self, name: &'static str) -> Result<i32, String> {
        let function = self.function::<(), i32>(name)?;
        self.enter(&function, (), self.sandbox.blueprint.start_site(name)).map_err(|failure| failure.message)
    }

    fn function<P: WasmParams, R: WasmResults>(&mut self, name: &str) -> Result<TypedFunc<P, R>, String> {
        let found = self.exports.get_typed_func(&mut self.sandbox.store, name);
        found.map_err(|error| format!("module {}: export `{name}`: {error:#}", self.sandbox.blueprint.name))
    }

    /// Room for a descriptor in the guest's own memory, from its allocator.
    fn place<T: Plain>(&mut self) -> Result<u32, String> {
        let allocate = self.function::<(u32, u32), u32>("edgevision_alloc")?;
        let (size, align) = (size_in_guest::<T>(), u32::try_from(align_of::<T>()).unwrap_or(u32::MAX));
        let site = self.sandbox.blueprint.start_site("edgevision_alloc");
        let address = self.enter(&allocate, (size, align), site).map_err(|failure| failure.message)?;
        let name = &self.sandbox.blueprint.name;
        if address == 0 {
            return Err(format!("module {name}: `edgevision_alloc` has no room for {size} bytes"));
        }
        match self.guest_memory().check_own(Span { address, len: size, align }) {
            Ok(()) => Ok(address),
            Err(error) => {
                let name = &self.sandbox.blueprint.name;
                Err(format!("module {name}: `edgevision_alloc` returned {address:#x}, which {error}"))
            }
        }
    }

    fn guest_memory(&mut self) -> GuestMemory<'_> {
        let (base, size) =
            (self.memory.data_ptr(&self.sandbox.store), self.memory.data_size(&self.sandbox.store));
        // SAFETY: base and size are this memory's own; every window is opened by `open_window`, which notes it; the
        // exclusive borrow of the store keeps the guest from running and the memory from growing.
        unsafe { GuestMemory::new(base, size, &self.sandbox.store.data().windows) }
    }

    /// Maps the tensor slot, in place of any other.
    fn open_tensor(&mut self, slot: &Arc<TensorSlot>, access: Access) -> Result<u32, String> {
        let shows = match access {
            Access::ReadWrite => Shows::TensorToFill(slot.clone()),
            Access::ReadOnly => Shows::TensorToRead(slot.clone()),
        };
        let opened = open_window(&mut self.sandbox.store, &self.memory, slot.fd(), slot.len(), access, shows);
        let window = opened.map_err(|error| format!("module {}: {error}", self.sandbox.blueprint.name))?;
        let address = window.address();
        self.tensor = Some(window);
        Ok(address)
    }

    fn take_poisoned(&self) -> bool {
        // Every flag is taken, so no short circuit.
        let frames = self.frames.take_poisoned() | self.output.take_poisoned();
        frames | self.tensor.as_ref().is_some_and(Window::take_poisoned)
    }

    /// Ends the instance and saves its session for the next.
    fn into_session(self) -> Option<Box<dyn Session>> {
        self.sandbox.store.into_data().nn.session
    }
}

/// Opens a window and notes it where host functions look.
fn open_window(
    store: &mut Store<HostState>,
    memory: &Memory,
    fd: std::os::fd::BorrowedFd<'_>,
    len: usize,
    access: Access,
    shows: Shows,
) -> Result<Window, WindowError> {
    let before = memory.data_size(&*store);
    store.data_mut().limiter.host_grows();
    let opened = Window::open(&mut *store, memory, fd, len, access);
    let grown = memory.data_size(&*store) - before;
    store.data_mut().limiter.host_has_grown(grown);
    let window = opened?;
    let room = u32::try_from(window.len()).unwrap_or(u32::MAX - window.address());
    store.data_mut().windows.note(window.address(), room, shows);
    Ok(window)
}

/// Bytes of an ABI struct; none comes near 4 GiB.
fn size_in_guest<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or(u32::MAX)
}
