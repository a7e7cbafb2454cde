"""Other people's parts, turned into examples: a published data set, another project's texts, one's own folder."""

from __future__ import annotations

from redraft.core.task import Importer
from redraft.tasks.cad.imports.deepcad import import_deepcad
from redraft.tasks.cad.imports.openecad import import_openecad
from redraft.tasks.cad.imports.programs import import_programs

IMPORTERS = {
    importer.name: importer
    for importer in (
        Importer(
            "deepcad",
            "DeepCAD's construction JSON: a folder, or the tar of the published layout",
            import_deepcad,
            licence="DeepCAD's JSON is published under the MIT licence; the geometry goes back to public Onshape "
            "documents, whose authors' terms apply",
        ),
        Importer(
            "openecad",
            "OpenECAD programs: a folder of texts, or its published conversations",
            import_openecad,
            licence="OpenECAD is published under the MIT licence; the geometry goes back to public Onshape "
            "documents, whose authors' terms apply",
        ),
        Importer(
            "programs",
            "your own parts: a folder with one program a part, in any dialect, with or without its views",
            import_programs,
            licence="your own: say it with --licence",
        ),
    )
}
