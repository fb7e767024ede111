"""Places to be in, so that a location can be shared without a map."""

from typing import NamedTuple


class City(NamedTuple):
    name: str
    latitude: float
    longitude: float


CITIES = [
    City("Amsterdam", 52.3676, 4.9041),
    City("Athens", 37.9838, 23.7275),
    City("Bangkok", 13.7563, 100.5018),
    City("Barcelona", 41.3874, 2.1686),
    City("Berlin", 52.52, 13.405),
    City("Bogotá", 4.711, -74.0721),
    City("Buenos Aires", -34.6037, -58.3816),
    City("Cairo", 30.0444, 31.2357),
    City("Cape Town", -33.9249, 18.4241),
    City("Chicago", 41.8781, -87.6298),
    City("Delhi", 28.6139, 77.209),
    City("Dubai", 25.2048, 55.2708),
    City("Dublin", 53.3498, -6.2603),
    City("Hong Kong", 22.3193, 114.1694),
    City("Istanbul", 41.0082, 28.9784),
    City("Kazan", 55.7963, 49.1088),
    City("Lagos", 6.5244, 3.3792),
    City("Lima", -12.0464, -77.0428),
    City("Lisbon", 38.7223, -9.1393),
    City("London", 51.5072, -0.1276),
    City("Los Angeles", 34.0522, -118.2437),
    City("Madrid", 40.4168, -3.7038),
    City("Melbourne", -37.8136, 144.9631),
    City("Mexico City", 19.4326, -99.1332),
    City("Montreal", 45.5019, -73.5674),
    City("Moscow", 55.7558, 37.6173),
    City("Mumbai", 19.076, 72.8777),
    City("Nairobi", -1.2921, 36.8219),
    City("New York", 40.7128, -74.006),
    City("Novosibirsk", 55.0084, 82.9357),
    City("Paris", 48.8566, 2.3522),
    City("Prague", 50.0755, 14.4378),
    City("Rome", 41.9028, 12.4964),
    City("Saint Petersburg", 59.9311, 30.3609),
    City("Santiago", -33.4489, -70.6693),
    City("São Paulo", -23.5558, -46.6396),
    City("Seoul", 37.5665, 126.978),
    City("Seville", 37.3891, -5.9845),
    City("Singapore", 1.3521, 103.8198),
    City("Sydney", -33.8688, 151.2093),
    City("Tokyo", 35.6762, 139.6503),
    City("Toronto", 43.6532, -79.3832),
    City("Valencia", 39.4699, -0.3763),
    City("Warsaw", 52.2297, 21.0122),
]
