// Stands in for a header of Gloo that libtorch's wheel leaves out; nothing of it is used here.
#pragma once
