"""Steps of cells that leave the files of the real ones, in a second, in any process.

As ``sitecustomize`` on the path they replace ``python -m rm_mm.suite.steps``. The suite, Slurm's
jobs and everything else are the real ones.
"""

import sys
from pathlib import Path

SITECUSTOMIZE = """
import os, sys
words = [word for word in sys.orig_argv[1:] if word != '-u']
if words[:2] == ['-m', 'rm_mm.suite.steps']:
    os.execv(sys.executable, [sys.executable, {command!r}, *words[2:]])
"""

#: Trains five epochs, each with its checkpoint and its evaluation; or exports. Beside the folder of
#: a run, ``NAME.slow`` says how many seconds an epoch takes, the one under way too, and
#: ``NAME.fail`` that it fails.
COMMAND = """
import json, os, sys, time
from pathlib import Path

def write(path, text):
    temporary = path.with_name('.' + path.name)
    temporary.write_text(text)
    temporary.rename(path)

def note(path, text):
    with path.open('a') as file:
        file.write(text + chr(10))

action, request = sys.argv[1], json.loads(sys.argv[2])
if action == 'export':
    write(Path(request['output']), 'of ' + Path(request['checkpoint']).parent.name)
    sys.exit()
if request.get('details'):
    details = Path(request['details'])
    details.mkdir(parents=True, exist_ok=True)
    write(details / 'per_class.json', json.dumps({'bag': 12.5}))
    sys.exit()
folder = Path(request['work_dir'])
key = {'r18': 'accuracy/top1', 'atss': 'coco/bbox_mAP', 'upernet': 'mIoU'}[
    folder.name.split('_')[0]
]
if action == 'test':
    write(Path(request['out']), json.dumps({key: 10.0}))
    sys.exit()
begun = time.time()
if folder.name.startswith(('atss', 'upernet')) and 'scratch' not in folder.name:
    method = folder.name.split('_')[2]
    backbone = folder.parent / f'r18_{method}_mini' / 'backbone.pth'
    assert backbone.read_text() == f'of r18_{method}_mini'
if folder.with_suffix('.fail').exists():
    print('so it goes')
    sys.exit(3)
if int(os.environ.get('RANK', '0')):
    note(folder / 'ranks', os.environ['RANK'] + ' of ' + os.environ['WORLD_SIZE'])
    sys.exit()
slow = folder.with_suffix('.slow')
def seconds():
    return float(slow.read_text()) if slow.exists() else 0.05
scalars = folder / str(begun) / 'vis_data' / 'scalars.json'
scalars.parent.mkdir(parents=True)
done = max([int(path.stem.split('_')[1]) for path in folder.glob('epoch_*.pth')], default=0)
for epoch in range(done + 1, 6):
    note(folder / 'trained', f'{epoch}')
    print(f'Epoch(train) [{epoch}][ 5/5]  eta: 0:00:{5 - epoch:02d}', flush=True)
    entered = time.time()
    while time.time() < entered + seconds():
        time.sleep(0.02)
    with scalars.open('a') as file:
        file.write(json.dumps({key: epoch / 100, 'step': epoch}) + chr(10))
    write(folder / 'best_x_epoch_5.pth', str(epoch))
    write(folder / f'epoch_{epoch}.pth', str(epoch))
note(folder.parent / 'times', f'{folder.name} {begun} {time.time()}')
"""

#: The suite, without the embedded images.
SUITE = """
import sys
from rm_mm import cli
from rm_mm.data import mini
mini.prepare_mini = lambda folder, progress, **sizes: folder
mini.fingerprint = lambda folder: 'of the images'
from rm_mm.suite import execution
execution.check_backbones = lambda *_: None
from rm_mm.suite.launch.slurm import watch
watch.SECONDS, watch.MOST_SECONDS = 0.5, 1.0
sys.exit(cli.main(sys.argv[1:]))
"""


def install(folder: Path, command: str = COMMAND) -> Path:
    """Write the stand-in; return the folder to put first on the path."""
    (folder / 'command.py').write_text(command)
    site = folder / 'site'
    site.mkdir(exist_ok=True)
    text = SITECUSTOMIZE.format(command=str(folder / 'command.py'))
    (site / 'sitecustomize.py').write_text(text)
    return site


def suite(work_dir: Path, *options: str) -> list[str]:
    """The command of a suite."""
    call = ['suite', '--preset', 'mini', '--work-dir', str(work_dir)]
    return [sys.executable, '-c', SUITE, *call, *options]
