/*
 * A Vulkan layer that makes RADV's null device good enough for wgpu to open it. The null device compiles shaders for a GPU that is
 * not there; it has no memory types, no fences and no timeline semaphores, and records no commands. Here is what wgpu asks for
 * when it opens a device: memory that can be mapped, synchronization that is always done, and commands that do nothing. Creation
 * of shader modules and pipelines goes through to RADV as it is.
 *
 * One instance and one device at a time, which is what a Deno process has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vk_layer.h>

#define EXPORT __attribute__((visibility("default")))

static PFN_vkGetInstanceProcAddr next_instance_proc;
static PFN_vkGetDeviceProcAddr next_device_proc;
static VkInstance the_instance;

/* Memory: one heap, one type that serves everything. */

static const VkDeviceSize HEAP_BYTES = 8ull << 30;
static const VkMemoryPropertyFlags MEMORY_FLAGS = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
    VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;

static VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceMemoryProperties(
    VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties *properties) {
  memset(properties, 0, sizeof *properties);
  properties->memoryHeapCount = properties->memoryTypeCount = 1;
  properties->memoryHeaps[0] = (VkMemoryHeap){.size = HEAP_BYTES, .flags = VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
  properties->memoryTypes[0] = (VkMemoryType){.propertyFlags = MEMORY_FLAGS};
}

static VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceMemoryProperties2(
    VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties2 *properties) {
  GetPhysicalDeviceMemoryProperties(device, &properties->memoryProperties);
  for (VkBaseOutStructure *asked = properties->pNext; asked; asked = asked->pNext) {
    if (asked->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT) continue;
    VkPhysicalDeviceMemoryBudgetPropertiesEXT *budget = (VkPhysicalDeviceMemoryBudgetPropertiesEXT *)asked;
    memset(budget->heapUsage, 0, sizeof budget->heapUsage);
    memset(budget->heapBudget, 0, sizeof budget->heapBudget);
    budget->heapBudget[0] = HEAP_BYTES;
  }
}

static VKAPI_ATTR void VKAPI_CALL GetBufferMemoryRequirements(
    VkDevice device, VkBuffer buffer, VkMemoryRequirements *requirements) {
  PFN_vkGetBufferMemoryRequirements next =
      (PFN_vkGetBufferMemoryRequirements)next_device_proc(device, "vkGetBufferMemoryRequirements");
  next(device, buffer, requirements);
  requirements->memoryTypeBits = 1;
}

/* A memory object is the mapped block itself. */
static VKAPI_ATTR VkResult VKAPI_CALL AllocateMemory(VkDevice device, const VkMemoryAllocateInfo *info,
    const VkAllocationCallbacks *allocator, VkDeviceMemory *memory) {
  *memory = (VkDeviceMemory)calloc(1, info->allocationSize);
  return *memory ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

static VKAPI_ATTR void VKAPI_CALL FreeMemory(
    VkDevice device, VkDeviceMemory memory, const VkAllocationCallbacks *allocator) {
  free((void *)memory);
}

static VKAPI_ATTR VkResult VKAPI_CALL MapMemory(VkDevice device, VkDeviceMemory memory, VkDeviceSize offset,
    VkDeviceSize size, VkMemoryMapFlags flags, void **data) {
  *data = (char *)memory + offset;
  return VK_SUCCESS;
}

/* Fences and semaphores: handles that are never looked into. */

static VKAPI_ATTR VkResult VKAPI_CALL CreateFence(VkDevice device, const VkFenceCreateInfo *info,
    const VkAllocationCallbacks *allocator, VkFence *fence) {
  *fence = (VkFence)malloc(1);
  return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL CreateSemaphore(VkDevice device, const VkSemaphoreCreateInfo *info,
    const VkAllocationCallbacks *allocator, VkSemaphore *semaphore) {
  *semaphore = (VkSemaphore)malloc(1);
  return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL DestroyHandle(VkDevice device, void *handle, const VkAllocationCallbacks *allocator) {
  free(handle);
}

/* Any point of a timeline has been reached. */
static VKAPI_ATTR VkResult VKAPI_CALL GetSemaphoreCounterValue(VkDevice device, VkSemaphore semaphore, uint64_t *value) {
  *value = UINT64_MAX / 2;
  return VK_SUCCESS;
}

/* Whatever else waits, submits, binds or records: done. The arguments are left where they are. */
static VKAPI_ATTR VkResult VKAPI_CALL Done(void) { return VK_SUCCESS; }

static const struct {
  const char *name;
  void *function;
} REPLACED[] = {
    {"vkGetPhysicalDeviceMemoryProperties", GetPhysicalDeviceMemoryProperties},
    {"vkGetPhysicalDeviceMemoryProperties2", GetPhysicalDeviceMemoryProperties2},
    {"vkGetPhysicalDeviceMemoryProperties2KHR", GetPhysicalDeviceMemoryProperties2},
    {"vkGetBufferMemoryRequirements", GetBufferMemoryRequirements},
    {"vkAllocateMemory", AllocateMemory},
    {"vkFreeMemory", FreeMemory},
    {"vkMapMemory", MapMemory},
    {"vkUnmapMemory", Done},
    {"vkBindBufferMemory", Done},
    {"vkFlushMappedMemoryRanges", Done},
    {"vkInvalidateMappedMemoryRanges", Done},
    {"vkCreateFence", CreateFence},
    {"vkDestroyFence", DestroyHandle},
    {"vkResetFences", Done},
    {"vkGetFenceStatus", Done},
    {"vkWaitForFences", Done},
    {"vkCreateSemaphore", CreateSemaphore},
    {"vkDestroySemaphore", DestroyHandle},
    {"vkGetSemaphoreCounterValue", GetSemaphoreCounterValue},
    {"vkGetSemaphoreCounterValueKHR", GetSemaphoreCounterValue},
    {"vkWaitSemaphores", Done},
    {"vkWaitSemaphoresKHR", Done},
    {"vkUpdateDescriptorSets", Done},
    {"vkQueueSubmit", Done},
    {"vkQueueWaitIdle", Done},
    {"vkDeviceWaitIdle", Done},
    {"vkBeginCommandBuffer", Done},
    {"vkEndCommandBuffer", Done},
    {"vkCmdPipelineBarrier", Done},
    {"vkCmdFillBuffer", Done},
    {"vkCmdCopyBuffer", Done},
};

static PFN_vkVoidFunction replaced(const char *name) {
  for (size_t i = 0; i < sizeof REPLACED / sizeof *REPLACED; i++) {
    if (!strcmp(REPLACED[i].name, name)) return (PFN_vkVoidFunction)REPLACED[i].function;
  }
  return NULL;
}

/* What the loader asks of every layer: the rest of the chain is found in the creation's `pNext`. */

static VKAPI_ATTR VkResult VKAPI_CALL CreateInstance(
    const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *instance) {
  VkLayerInstanceCreateInfo *link = (VkLayerInstanceCreateInfo *)info->pNext;
  while (link->sType != VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO || link->function != VK_LAYER_LINK_INFO) {
    link = (VkLayerInstanceCreateInfo *)link->pNext;
  }
  next_instance_proc = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  PFN_vkCreateInstance next = (PFN_vkCreateInstance)next_instance_proc(NULL, "vkCreateInstance");
  VkResult result = next(info, allocator, instance);
  the_instance = *instance;
  return result;
}

/* Whoever reads the statistics wants to know who made them. */
static void tell_driver(VkPhysicalDevice physical) {
  VkPhysicalDeviceDriverProperties driver = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
  VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &driver};
  PFN_vkGetPhysicalDeviceProperties2 next =
      (PFN_vkGetPhysicalDeviceProperties2)next_instance_proc(the_instance, "vkGetPhysicalDeviceProperties2");
  next(physical, &properties);
  fprintf(stderr, "driver: %s, %s\n", driver.driverName, driver.driverInfo);
}

static VKAPI_ATTR VkResult VKAPI_CALL CreateDevice(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
    const VkAllocationCallbacks *allocator, VkDevice *device) {
  VkLayerDeviceCreateInfo *link = (VkLayerDeviceCreateInfo *)info->pNext;
  while (link->sType != VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO || link->function != VK_LAYER_LINK_INFO) {
    link = (VkLayerDeviceCreateInfo *)link->pNext;
  }
  PFN_vkGetInstanceProcAddr instance_proc = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  next_device_proc = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  PFN_vkCreateDevice next = (PFN_vkCreateDevice)instance_proc(the_instance, "vkCreateDevice");
  tell_driver(physical);
  return next(physical, info, allocator, device);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL GetDeviceProcAddr(VkDevice device, const char *name) {
  if (!strcmp(name, "vkGetDeviceProcAddr")) return (PFN_vkVoidFunction)GetDeviceProcAddr;
  PFN_vkVoidFunction own = replaced(name);
  return own ? own : next_device_proc(device, name);
}

EXPORT VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL null_device_GetInstanceProcAddr(VkInstance instance, const char *name) {
  if (!strcmp(name, "vkGetInstanceProcAddr")) return (PFN_vkVoidFunction)null_device_GetInstanceProcAddr;
  if (!strcmp(name, "vkCreateInstance")) return (PFN_vkVoidFunction)CreateInstance;
  if (!strcmp(name, "vkCreateDevice")) return (PFN_vkVoidFunction)CreateDevice;
  if (!strcmp(name, "vkGetDeviceProcAddr")) return (PFN_vkVoidFunction)GetDeviceProcAddr;
  PFN_vkVoidFunction own = replaced(name);
  return own ? own : next_instance_proc(instance, name);
}

EXPORT VKAPI_ATTR VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *version) {
  version->loaderLayerInterfaceVersion = 2;
  version->pfnGetInstanceProcAddr = null_device_GetInstanceProcAddr;
  version->pfnGetDeviceProcAddr = GetDeviceProcAddr;
  version->pfnGetPhysicalDeviceProcAddr = NULL;
  return VK_SUCCESS;
}
