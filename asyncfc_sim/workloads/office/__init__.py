"""The domain of the tiny model: a small office, its six tools, random tasks, and an expert that does them right."""
