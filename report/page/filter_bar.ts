/** The bar above the page: which configurations it shows. Its script brings it to life; without that it is hidden. */

export const FILTER_BAR = "";
