/*
 * A Vulkan layer that makes equal cards of whatever adapters there are: one kind, each with a name and a place of its own. So what chooses
 * among equal cards can be tried without any. Needs a C compiler and Vulkan's headers (Debian: libvulkan-dev).
 *
 *   cd tests/bench/equal_cards && cc -shared -fPIC -O1 -o /tmp/equal_cards/equal_cards_layer.so equal_cards_layer.c
 *   cp equal_cards_layer.json /tmp/equal_cards/, and twice Mesa's lvp_icd.x86_64.json under other names
 *   VK_LAYER_PATH=/tmp/equal_cards VK_INSTANCE_LAYERS=VK_LAYER_cellspace_equal_cards VK_DRIVER_FILES=…/a.json:…/b.json \
 *     deno task train --engine webgpu --gpu all
 *
 * The line "On card 0 of 2" must name the card of its place: A at 81:00.0, B at 41:00.0, C at 21:00.0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vk_layer.h>

#define EXPORT __attribute__((visibility("default")))
#define MOST 8

/* The loader's table for an instance holds the layers themselves once it is made: what lies below is asked for before. */
static PFN_vkGetInstanceProcAddr next_proc;
static PFN_vkEnumeratePhysicalDevices next_enumerate;
static PFN_vkGetPhysicalDeviceProperties next_properties;
static PFN_vkGetPhysicalDeviceProperties2 next_properties2;
static PFN_vkEnumerateDeviceExtensionProperties next_extensions;

static VkPhysicalDevice known[MOST];
static unsigned count;

static unsigned indexOf(VkPhysicalDevice device) {
  for (unsigned i = 0; i < count; i++)
    if (known[i] == device) return i;
  if (count == MOST) abort();
  known[count] = device;
  return count++;
}

static unsigned busOf(VkPhysicalDevice device) {
  static const unsigned BUSES[MOST] = {0x81, 0x41, 0x21, 0xa1, 0xc1, 0x61, 0x01, 0xe1};
  return BUSES[indexOf(device)];
}

static void disguise(VkPhysicalDevice device, VkPhysicalDeviceProperties *properties) {
  snprintf(properties->deviceName, sizeof properties->deviceName, "Fake card %c", 'A' + indexOf(device));
  properties->deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  properties->vendorID = 0x10de;
  properties->deviceID = 0x2204;
}

static VKAPI_ATTR VkResult VKAPI_CALL EnumeratePhysicalDevices(VkInstance instance, uint32_t *n, VkPhysicalDevice *devices) {
  VkResult result = next_enumerate(instance, n, devices);
  for (unsigned i = 0; devices && i < *n; i++) indexOf(devices[i]);
  return result;
}

static VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceProperties(VkPhysicalDevice device, VkPhysicalDeviceProperties *properties) {
  next_properties(device, properties);
  disguise(device, properties);
}

static VKAPI_ATTR void VKAPI_CALL GetPhysicalDeviceProperties2(VkPhysicalDevice device, VkPhysicalDeviceProperties2 *properties) {
  next_properties2(device, properties);
  disguise(device, &properties->properties);
  for (VkBaseOutStructure *asked = properties->pNext; asked; asked = asked->pNext) {
    if (asked->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT) continue;
    VkPhysicalDevicePCIBusInfoPropertiesEXT *place = (VkPhysicalDevicePCIBusInfoPropertiesEXT *)asked;
    place->pciDomain = place->pciDevice = place->pciFunction = 0;
    place->pciBus = busOf(device);
  }
}

/* Those of the driver, and the one that tells the place. */
static VKAPI_ATTR VkResult VKAPI_CALL EnumerateDeviceExtensionProperties(
    VkPhysicalDevice device, const char *layer, uint32_t *n, VkExtensionProperties *properties) {
  uint32_t below = 0;
  VkResult result = next_extensions(device, layer, &below, NULL);
  if (result != VK_SUCCESS || layer) return result;
  uint32_t all = below + 1, room = *n;
  *n = all;
  if (!properties) return VK_SUCCESS;
  VkExtensionProperties *list = calloc(all, sizeof *list);
  next_extensions(device, NULL, &below, list);
  strcpy(list[below].extensionName, VK_EXT_PCI_BUS_INFO_EXTENSION_NAME);
  list[below].specVersion = VK_EXT_PCI_BUS_INFO_SPEC_VERSION;
  *n = room < all ? room : all;
  memcpy(properties, list, *n * sizeof *list);
  free(list);
  return *n < all ? VK_INCOMPLETE : VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL CreateInstance(
    const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *instance) {
  VkLayerInstanceCreateInfo *link = (VkLayerInstanceCreateInfo *)info->pNext;
  while (!(link->sType == VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO && link->function == VK_LAYER_LINK_INFO))
    link = (VkLayerInstanceCreateInfo *)link->pNext;
  next_proc = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  VkResult result = ((PFN_vkCreateInstance)next_proc(NULL, "vkCreateInstance"))(info, allocator, instance);
  if (result != VK_SUCCESS) return result;
  count = 0;
  next_enumerate = (PFN_vkEnumeratePhysicalDevices)next_proc(*instance, "vkEnumeratePhysicalDevices");
  next_properties = (PFN_vkGetPhysicalDeviceProperties)next_proc(*instance, "vkGetPhysicalDeviceProperties");
  next_properties2 = (PFN_vkGetPhysicalDeviceProperties2)next_proc(*instance, "vkGetPhysicalDeviceProperties2");
  next_extensions =
      (PFN_vkEnumerateDeviceExtensionProperties)next_proc(*instance, "vkEnumerateDeviceExtensionProperties");
  return VK_SUCCESS;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL GetInstanceProcAddr(VkInstance instance, const char *name) {
  static const struct { const char *name; void *function; } OWN[] = {
      {"vkCreateInstance", CreateInstance},
      {"vkGetInstanceProcAddr", GetInstanceProcAddr},
      {"vkEnumeratePhysicalDevices", EnumeratePhysicalDevices},
      {"vkGetPhysicalDeviceProperties", GetPhysicalDeviceProperties},
      {"vkGetPhysicalDeviceProperties2", GetPhysicalDeviceProperties2},
      {"vkGetPhysicalDeviceProperties2KHR", GetPhysicalDeviceProperties2},
      {"vkEnumerateDeviceExtensionProperties", EnumerateDeviceExtensionProperties},
  };
  for (unsigned i = 0; i < sizeof OWN / sizeof *OWN; i++)
    if (!strcmp(name, OWN[i].name)) return (PFN_vkVoidFunction)OWN[i].function;
  return next_proc(instance, name);
}

EXPORT VKAPI_ATTR VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *version) {
  version->loaderLayerInterfaceVersion = 2;
  version->pfnGetInstanceProcAddr = GetInstanceProcAddr;
  version->pfnGetDeviceProcAddr = NULL;
  version->pfnGetPhysicalDeviceProcAddr = NULL;
  return VK_SUCCESS;
}
