"""Reference implementations of the compiled ops: loops over Python numbers."""

import math

FLT_MIN = 1.1754943508222875e-38


def overlap(a, b, offset=0):
    area_a = (a[2] - a[0] + offset) * (a[3] - a[1] + offset)
    area_b = (b[2] - b[0] + offset) * (b[3] - b[1] + offset)
    w = max(0.0, min(a[2], b[2]) - max(a[0], b[0]) + offset)
    h = max(0.0, min(a[3], b[3]) - max(a[1], b[1]) + offset)
    union = area_a + area_b - w * h
    return w * h / union if union else math.nan


def best_first(scores):
    return sorted(range(len(scores)), key=lambda i: -scores[i])


def nms(boxes, scores, threshold, offset=0):
    kept = []
    for i in best_first(scores):
        if not any(overlap(boxes[i], boxes[k], offset) > threshold for k in kept):
            kept.append(i)
    return kept


def nms_match(boxes, scores, threshold):
    groups = []
    for i in best_first(scores):
        for group in groups:
            if overlap(boxes[i], boxes[group[0]]) >= threshold:
                group.append(i)
                break
        else:
            groups.append([i])
    return groups


def softnms(boxes, scores, threshold, sigma, min_score, method, offset=0):
    """Return [(index, box, lowered score)] in the order taken."""
    live = [(i, box, score) for i, (box, score) in enumerate(zip(boxes, scores, strict=True))]
    place = 0
    while place < len(live):
        best = place
        for candidate in range(place + 1, len(live)):
            if live[candidate][2] > live[best][2]:
                best = candidate
        live[place], live[best] = live[best], live[place]
        at = place + 1
        while at < len(live):
            index, box, score = live[at]
            iou = overlap(live[place][1], box, offset)
            if method == 'gaussian':
                score *= math.exp(-iou * iou / sigma)
            elif iou >= threshold:
                score *= 0 if method == 'naive' else 1 - iou
            live[at] = (index, box, score)
            if score < min_score:
                live[at] = live[-1]
                # The box that moved here has not been lowered yet, so it is next.
                live.pop()
            else:
                at += 1
        place += 1
    return live


def bilinear(plane, y, x):
    height, width = len(plane), len(plane[0])
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y, x = max(y, 0.0), max(x, 0.0)
    y0, x0 = min(int(y), height - 1), min(int(x), width - 1)
    y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
    fy = y - y0 if y0 < height - 1 else 0.0
    fx = x - x0 if x0 < width - 1 else 0.0
    top = plane[y0][x0] * (1 - fx) + plane[y0][x1] * fx
    bottom = plane[y1][x0] * (1 - fx) + plane[y1][x1] * fx
    return top * (1 - fy) + bottom * fy


def roi_align(features, rois, bins, scale, sampling_ratio, aligned):
    """Return nested lists [roi][channel][bin row][bin column]."""
    output = []
    for image, *corners in rois:
        x1, y1, x2, y2 = (corner * scale - (0.5 if aligned else 0.0) for corner in corners)
        width, height = x2 - x1, y2 - y1
        if not aligned:
            width, height = max(width, 1.0), max(height, 1.0)
        ny = sampling_ratio or math.ceil(height / bins)
        nx = sampling_ratio or math.ceil(width / bins)
        output.append(
            [
                [
                    [
                        sum(
                            bilinear(
                                plane,
                                y1 + (row + (iy + 0.5) / ny) * height / bins,
                                x1 + (column + (ix + 0.5) / nx) * width / bins,
                            )
                            for iy in range(ny)
                            for ix in range(nx)
                        )
                        / max(ny * nx, 1)
                        for column in range(bins)
                    ]
                    for row in range(bins)
                ]
                for plane in features[int(image)]
            ]
        )
    return output


def roi_pool(features, rois, bins, scale):
    """Return nested lists [roi][channel][bin row][bin column] of (maximum, place)."""
    output = []
    for image, x1, y1, x2, y2 in rois:
        x1, y1, x2, y2 = x1 * scale, y1 * scale, (x2 + 1) * scale, (y2 + 1) * scale
        output.append([])
        for plane in features[int(image)]:
            output[-1].append([])
            for row in range(bins):
                output[-1][-1].append([])
                for column in range(bins):
                    best = None
                    for y, line in enumerate(plane):
                        for x, value in enumerate(line):
                            inside = (
                                x2 > x1
                                and y2 > y1
                                and math.floor(y1 + row * (y2 - y1) / bins) <= y
                                and y < math.ceil(y1 + (row + 1) * (y2 - y1) / bins)
                                and math.floor(x1 + column * (x2 - x1) / bins) <= x
                                and x < math.ceil(x1 + (column + 1) * (x2 - x1) / bins)
                            )
                            if inside and (best is None or value > best[0]):
                                best = (value, y * len(line) + x)
                    output[-1][-1][-1].append(best or (0.0, -1))
    return output


def sigmoid_focal_loss(logits, targets, weights, gamma, alpha):
    losses = []
    for row, target in zip(logits, targets, strict=True):
        losses.append([])
        for c, logit in enumerate(row):
            p = 1 / (1 + math.exp(-logit))
            if c == target:
                loss = -alpha * (1 - p) ** gamma * math.log(max(p, FLT_MIN))
            else:
                loss = -(1 - alpha) * p**gamma * math.log(max(1 - p, FLT_MIN))
            if weights is not None and 0 <= target < len(row):
                loss *= weights[target]
            losses[-1].append(loss)
    return losses


def softmax_focal_loss(logits, targets, weights, gamma, alpha):
    losses = []
    for row, target in zip(logits, targets, strict=True):
        if not 0 <= target < len(row):
            losses.append(0.0)
            continue
        p = math.exp(row[target]) / sum(math.exp(logit) for logit in row)
        loss = -alpha * (1 - p) ** gamma * math.log(max(p, FLT_MIN))
        losses.append(loss * (weights[target] if weights is not None else 1))
    return losses
